from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "apps.monitoring"

    def ready(self) -> None:
        from apps.devices.signals import trouble_began  # noqa: PLC0415 - models are loaded only now
        from apps.sos import sweep  # noqa: PLC0415
        from apps.users.rules.accounts import answer_reset_requests  # noqa: PLC0415

        from .health.heartbeat import send_heartbeat  # noqa: PLC0415
        from .health.incidents import keep_watch  # noqa: PLC0415
        from .troubles import tell_dispatchers  # noqa: PLC0415

        trouble_began.connect(tell_dispatchers, dispatch_uid="monitoring.tell_dispatchers")
        sweep.also(keep_watch)
        sweep.also(send_heartbeat)
        sweep.also(answer_reset_requests)
