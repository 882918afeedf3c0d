from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "apps.notifications"

    def ready(self) -> None:
        from apps.users.signals import contacts_changed, erased, password_reset_requested, signed_out  # noqa: PLC0415 - models are loaded only now

        from . import services  # noqa: PLC0415

        password_reset_requested.connect(services.text_reset_code, dispatch_uid="notifications.text_reset_code")
        contacts_changed.connect(services.tell_contacts_changed, dispatch_uid="notifications.tell_contacts_changed")
        signed_out.connect(services.forget_session, dispatch_uid="notifications.forget_session")
        erased.connect(services.forget_person, dispatch_uid="notifications.forget_person")
