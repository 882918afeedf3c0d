"""How long the log of messages is kept."""

from mdd_backend.database import batches

from .. import sql
from ..models import Notification


def forget_notifications(days: int) -> int:
    """Deletes what was told longer ago; how many messages went."""
    return batches.forget(Notification, sql.FORGET_OLD, days)
