"""PostgreSQL's clock: every due time is measured by it, whichever machine asks."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        time: datetime = cursor.fetchone()[0]
        return time


def utc(time: datetime) -> str:
    """ISO 8601 with Z, as everywhere in the API."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
