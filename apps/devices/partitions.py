"""Day partitions of the track table: made ahead by beat and by every migrate; DEFAULT takes what has none."""

from datetime import date, timedelta

from django.db import connection, transaction

TABLE = "devices_locationtrack"
DAYS_AHEAD = 7


def create_partitions(today: date) -> int:
    """Makes the partitions of yesterday to a week ahead that are missing; returns how many."""
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    return sum(_create(day) for day in days if not _exists(day))


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _exists(day: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [_name(day)])
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _create(day: date) -> bool:
    """Rows of that day which DEFAULT already holds move over, or attaching would be refused."""
    name, bounds = _name(day), (f"{day:%Y-%m-%d} 00:00+00", f"{day + timedelta(days=1):%Y-%m-%d} 00:00+00")
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")
        if _exists(day):
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {TABLE}_default WHERE recorded_at >= %s AND recorded_at < %s RETURNING *)"
            f" INSERT INTO {name} SELECT * FROM moved",
            bounds,
        )
        cursor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{bounds[0]}') TO ('{bounds[1]}')"
        )
    return True
