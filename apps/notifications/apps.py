from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "apps.notifications"

    def ready(self) -> None:
        from apps.users import signals  # noqa: PLC0415 - models are loaded only now

        from .rules import queueing  # noqa: PLC0415

        signals.password_reset_requested.connect(queueing.text_reset_code, dispatch_uid="notifications.text_reset_code")
        signals.second_factor_set.connect(
            queueing.tell_second_factor_set, dispatch_uid="notifications.tell_second_factor_set"
        )
        signals.exporting.connect(queueing.exported, dispatch_uid="notifications.exported")
        signals.phone_code_requested.connect(queueing.text_proof_code, dispatch_uid="notifications.text_proof_code")
        signals.number_taken.connect(queueing.tell_number_taken, dispatch_uid="notifications.tell_number_taken")
        signals.attached.connect(queueing.attached_apps, dispatch_uid="notifications.attached_apps")
        signals.rest_unwanted.connect(queueing.silence_apps, dispatch_uid="notifications.silence_apps")
        signals.contacts_changed.connect(
            queueing.tell_contacts_changed, dispatch_uid="notifications.tell_contacts_changed"
        )
        signals.contacts_changed.connect(queueing.ask_contacts, dispatch_uid="notifications.ask_contacts")
        signals.phone_confirmed.connect(queueing.ask_contacts, dispatch_uid="notifications.ask_contacts_of_proven")
        signals.signed_out.connect(queueing.forget_session, dispatch_uid="notifications.forget_session")
        signals.sessions_ended.connect(
            queueing.forget_other_sessions, dispatch_uid="notifications.forget_other_sessions"
        )
        signals.erased.connect(queueing.forget_person, dispatch_uid="notifications.forget_person")
