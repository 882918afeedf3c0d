"""PostgreSQL's clock: every due time is measured by it, whichever machine asks."""

from datetime import UTC, datetime

from . import prepared


def now() -> datetime:
    """The present time, by PostgreSQL."""
    time: datetime = prepared.rows("SELECT clock_timestamp()", [])[0][0]
    return time


def utc(time: datetime) -> str:
    """ISO 8601 with Z, as everywhere in the API."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
