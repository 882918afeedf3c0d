"""How long tracks are kept: for so many days, and with an event for as long as the event."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from apps.devices.rules.partitions import drop_partitions, thin_default

# What an event's page and map show: its device from an hour before it, whoever came from when they said so. A signal
# that could not get through for up to a day is believed when it happened; a clock that is further off is not.
OF_EVENTS = """
SELECT device_id, coalesce(closed_at, now()) AS until,
       CASE WHEN occurred_at > received_at - interval '1 day' THEN least(occurred_at, received_at) ELSE received_at END
       - interval '1 hour' AS since
FROM sos_sosevent WHERE device_id IS NOT NULL
UNION ALL
SELECT d.id, coalesce(e.closed_at, now()), a.accepted_at
FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id JOIN devices_device d ON d.owner_id = a.helper_id
WHERE a.accepted_at IS NOT NULL
"""


def drop_old_tracks() -> tuple[int, int]:
    """How many days, and how many fixes of watches with a wild clock, were too old."""
    before = datetime.now(UTC).date() - timedelta(days=settings.TRACK_RETENTION_DAYS)
    return drop_partitions(before, OF_EVENTS), thin_default(before, OF_EVENTS)
