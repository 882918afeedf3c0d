from django.apps import AppConfig


class SosConfig(AppConfig):
    name = "apps.sos"

    def ready(self) -> None:
        from apps.notifications.rules import audience  # noqa: PLC0415 - models are loaded only now
        from apps.users.signals import deed_done, erased, erasing  # noqa: PLC0415

        from .journal import deeds  # noqa: PLC0415
        from .rules import messages, opening  # noqa: PLC0415

        audience.register(messages.EventAudience())
        deed_done.connect(deeds.keep_deed, dispatch_uid="sos.keep_deed")
        erasing.connect(opening.refuse_while_needed, dispatch_uid="sos.refuse_while_needed")
        erased.connect(opening.forget_person, dispatch_uid="sos.forget_person")
