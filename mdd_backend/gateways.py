"""The gateways for text messages by their names in SMS_TRANSPORT; whatever lists them derives from here."""

GATEWAYS = {
    "console": "apps.notifications.transports.console.Console",
    "eskiz": "apps.notifications.transports.eskiz.Eskiz",
}
