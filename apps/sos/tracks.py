"""How long tracks are kept: for so many days, and with an event for as long as the event."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from apps.devices.rules.partitions import drop_partitions, thin_default

from . import sql


def drop_old_tracks() -> tuple[int, int]:
    """How many days, and how many fixes of watches with a wild clock, were too old."""
    before = datetime.now(UTC).date() - timedelta(days=settings.TRACK_RETENTION_DAYS)
    return drop_partitions(before, sql.TRACKS_OF_EVENTS), thin_default(before, sql.TRACKS_OF_EVENTS)
