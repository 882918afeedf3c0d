"""How long what is known about emergencies is kept. Open events are never touched."""

import structlog
from django.conf import settings

from apps.notifications.rules.retention import forget_notifications
from apps.users.rules.looks import forget_looks
from mdd_backend.database import batches

from .. import sql
from ..models import Signal, SosEvent

log = structlog.get_logger(__name__)


def forget_old() -> dict[str, int]:
    """Deletes what is older than the settings say; how many rows of each went."""
    gone = {
        "payloads": batches.forget(Signal, sql.FORGET_PAYLOADS, settings.PAYLOAD_RETENTION_DAYS),
        "notifications": forget_notifications(settings.NOTIFICATION_RETENTION_DAYS),
        "events": batches.forget(SosEvent, sql.FORGET_EVENTS, settings.EVENT_RETENTION_DAYS),
        "looks": forget_looks(settings.LOOK_RETENTION_DAYS),
    }
    log.info("old rows are gone", **gone)
    return gone
