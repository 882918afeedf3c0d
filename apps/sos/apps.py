from django.apps import AppConfig


class SosConfig(AppConfig):
    name = "apps.sos"

    def ready(self) -> None:
        from apps.notifications.rules import audience  # noqa: PLC0415 - models are loaded only now
        from apps.users.rules.looks import register  # noqa: PLC0415
        from apps.users.signals import deed_done, erased, erasing, exporting  # noqa: PLC0415

        from .journal import deeds  # noqa: PLC0415
        from .rules import looks, messages, opening  # noqa: PLC0415

        register(looks.current_events_of)
        audience.register(messages.EventAudience())
        deed_done.connect(deeds.keep_deed, dispatch_uid="sos.keep_deed")
        erasing.connect(opening.refuse_while_needed, dispatch_uid="sos.refuse_while_needed")
        exporting.connect(opening.exported, dispatch_uid="sos.exported")
        erased.connect(opening.forget_person, dispatch_uid="sos.forget_person")
