"""The words of text messages, in their readers' languages (locale/). Those of pushes are in the apps.

A helper's text names nobody and no place: whoever accepts learns both in the app.
"""

from collections.abc import Callable

from django.utils import translation
from django.utils.translation import gettext as _

from apps.users.models import EmergencyContact, PasswordReset, PhoneProof, User
from apps.users.rules import codes
from apps.users.rules.invitations import invitation_url
from mdd_backend import names

from ..kinds import AlarmReason, MessageKind
from ..models import Notification

Reader = User | EmergencyContact
Words = Callable[[Notification, Reader], str]
# As people write oʻ and gʻ: each but the plain one turns a text message into UCS-2, two or three times as many parts.
_APOSTROPHES = str.maketrans(dict.fromkeys("ʻʼ‘’`", "'"))


def _reset_code(notification: Notification, reader: Reader) -> str:
    assert isinstance(reader, User)  # noqa: S101 - contacts have no password
    text = _("MDD: your code for a new password is {code}. It is good for 10 minutes. Tell it to nobody.")
    return text.format(code=codes.code_for(PasswordReset, reader))


def _phone_code(notification: Notification, reader: Reader) -> str:
    assert isinstance(reader, User)  # noqa: S101 - contacts have no account
    text = _("MDD: your code to confirm this phone is {code}. It is good for 10 minutes. Do not share it.")
    return text.format(code=codes.code_for(PhoneProof, reader))


def _sos_alert(notification: Notification, reader: Reader) -> str:
    text = _("MDD SOS: somebody about {distance} m from you needs help. Open the app and answer.")
    unsafe = " " + _("Reported unsafe.") if notification.data.get("reported_unsafe") else ""
    return text.format(distance=notification.data.get("distance_m", "?")) + unsafe


def _name(notification: Notification, reader: Reader) -> str:
    """Short enough to leave room for an address; with plain apostrophes, as everything here.

    No typed words to a contact who has not said yes, nor on behalf of an account whose phone is not proven.
    """
    if isinstance(reader, EmergencyContact) and not reader.is_confirmed:
        return _("somebody whose contact you are")
    typed = names.cleaned(notification.data.get("wearer_name", ""))
    return typed.translate(_APOSTROPHES)[:24].strip() or _("Somebody")


def _contact_asked(notification: Notification, reader: Reader) -> str:
    assert isinstance(reader, EmergencyContact)  # noqa: S101 - nobody else is asked
    text = _("MDD: somebody has named you as their SOS contact. Do you agree? {url}")
    return text.format(url=invitation_url(reader))


def _contact_alarm(notification: Notification, reader: Reader) -> str:
    text = _("MDD SOS: {name} asks for help: {url}")
    return text.format(name=_name(notification, reader), url=notification.data["url"])


def _all_clear(notification: Notification, reader: Reader) -> str:
    if isinstance(reader, EmergencyContact):
        return _("MDD: {name}: the alarm is over.").format(name=_name(notification, reader))
    return _("MDD: your alarm is over.")


def _device_offline(notification: Notification, reader: Reader) -> str:
    if isinstance(reader, EmergencyContact):
        text = _("MDD: the watch of {name} is silent, no SOS can come from it. Call them.")
        return text.format(name=_name(notification, reader))
    return _("MDD: your watch is silent, no SOS can come from it. Charge it and switch it on.")


def _battery_low(notification: Notification, reader: Reader) -> str:
    if isinstance(reader, EmergencyContact):
        return _("MDD: the watch of {name} is low on battery. Remind them.").format(name=_name(notification, reader))
    return _("MDD: your watch is low on battery. Charge it.")


def _incidents() -> dict[str, str]:
    return {
        "TEXTS_CAPPED": _("too many text messages, a daily cap is met"),
        "OVERDUE": _("calls and messages are late"),
        "NO_DISPATCHER": _("an SOS is open and no dispatcher is connected"),
    }


def _operators_alarm(notification: Notification, reader: Reader) -> str:
    text = _("MDD: the service needs you: {incident}. Look at /health/status.")
    return text.format(incident=_incidents()[notification.data["reason"]])


def _reasons() -> dict[str, str]:
    return {
        AlarmReason.NO_CONSOLE: _("no console is connected"),
        AlarmReason.NOT_ACKNOWLEDGED: _("nobody has acknowledged it"),
        AlarmReason.PLACE_UNKNOWN: _("the place is unknown"),
        AlarmReason.NOBODY_NEAR: _("no helper is near"),
        AlarmReason.UNSAFE: _("a helper found it unsafe"),
        AlarmReason.REPORTED_UNSAFE: _("a helper far away reports it unsafe"),
        AlarmReason.MANY_EVENTS: _("one of many of the same account"),
        AlarmReason.DOUBTED_ACCOUNT: _("of a contained or banned account"),
        AlarmReason.STALE_CREDENTIAL: _("sent with a sign-in that has ended"),
        AlarmReason.ALL_DONE: _("the helpers are done"),
        AlarmReason.WEARER_FINE: _("the wearer says they are fine"),
    }


def _dispatcher_alarm(notification: Notification, reader: Reader) -> str:
    data = notification.data
    text = _("MDD: SOS of severity {severity}: {reason}. Open the console.")
    return text.format(severity=data["severity"], reason=_reasons()[data["reason"]])


def _plain(words: Callable[[], str]) -> Words:
    return lambda notification, reader: words()


WORDS: dict[str, Words] = {
    MessageKind.PASSWORD_RESET: _reset_code,
    MessageKind.PHONE_CODE: _phone_code,
    MessageKind.SECOND_FACTOR_SET: _plain(
        lambda: _("MDD: a second factor was set up for your account. If it was not you, call the operators at once.")
    ),
    MessageKind.NUMBER_TAKEN: _plain(
        lambda: _(
            "MDD: somebody tried to register with your number. You have an account: sign in or reset the password."
        )
    ),
    MessageKind.SOS_ALERT: _sos_alert,
    MessageKind.STAND_DOWN: _plain(lambda: _("MDD: you are needed no more. Thank you.")),
    MessageKind.STILL_COMING: _plain(lambda: _("MDD: are you still coming? Answer in the app, or others are called.")),
    MessageKind.RELEASED: _plain(lambda: _("MDD: you came no nearer, so others have been called.")),
    MessageKind.WEARER_MOVED: _plain(lambda: _("MDD: the place has changed. Look in the app.")),
    MessageKind.ASSIGNED: _plain(lambda: _("MDD SOS: a dispatcher sends you to somebody. Open the app and answer.")),
    MessageKind.PLACE_UNSAFE: _plain(
        lambda: _("MDD: a helper found the place unsafe. Keep away and wait for the dispatcher.")
    ),
    MessageKind.HELP_COMING: _plain(lambda: _("MDD: help is on its way to you.")),
    MessageKind.TEST_ARRIVED: _plain(lambda: _("MDD: your test signal has arrived. Nobody was called.")),
    MessageKind.CONTACTS_CHANGED: _plain(
        lambda: _("MDD: your emergency contacts were changed. If it was not you, change your password.")
    ),
    MessageKind.CONTACT_ALARM: _contact_alarm,
    MessageKind.CONTACT_ASKED: _contact_asked,
    MessageKind.ALL_CLEAR: _all_clear,
    MessageKind.DISPATCHER_ALARM: _dispatcher_alarm,
    MessageKind.DEVICE_OFFLINE: _device_offline,
    MessageKind.BATTERY_LOW: _battery_low,
    MessageKind.OPERATORS_ALARM: _operators_alarm,
}


def text_for(notification: Notification, reader: Reader) -> str:
    """Composed as it is sent: what the row must not hold, such as a code, is never at rest."""
    with translation.override(reader.language):
        words = WORDS[notification.kind](notification, reader)
        return _("Drill. {words}").format(words=words) if notification.data.get("drill") else words
