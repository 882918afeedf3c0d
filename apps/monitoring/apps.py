from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from mdd_backend.database import rights


def _grant_rights(**_: object) -> None:
    rights.grant(settings.SERVICE_DATABASE, settings.BACKUP_DATABASE)


class MonitoringConfig(AppConfig):
    name = "apps.monitoring"

    def ready(self) -> None:
        from apps.devices.signals import trouble_began  # noqa: PLC0415 - models are loaded only now
        from apps.sos import sweep  # noqa: PLC0415
        from apps.users.rules.accounts import answer_reset_requests  # noqa: PLC0415

        from .health.heartbeat import send_heartbeat  # noqa: PLC0415
        from .health.incidents import keep_watch  # noqa: PLC0415
        from .troubles import tell_dispatchers  # noqa: PLC0415

        post_migrate.connect(_grant_rights, sender=self)  # the last of the apps
        trouble_began.connect(tell_dispatchers, dispatch_uid="monitoring.tell_dispatchers")
        sweep.also(keep_watch)
        sweep.also(send_heartbeat)
        sweep.also(answer_reset_requests)
