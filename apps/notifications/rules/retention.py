"""How long the log of messages is kept."""

from mdd_backend.database import batches

from .. import sql


def forget_notifications(days: int) -> int:
    """Deletes what was told longer ago; how many messages went."""
    return batches.forget(sql.FORGET_OLD, days)
