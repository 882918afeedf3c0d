from django.apps import AppConfig


class SosConfig(AppConfig):
    name = "apps.sos"

    def ready(self) -> None:
        from apps.notifications import audience  # noqa: PLC0415 - models are loaded only now

        from . import messages  # noqa: PLC0415

        audience.register(still_needed=messages.still_needed, settled=messages.settled)
