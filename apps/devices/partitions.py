"""Day partitions of the track table: made ahead by beat and by every migrate, dropped when they are old; DEFAULT takes
what has none."""

from datetime import UTC, date, datetime, timedelta

import structlog
from django.db import OperationalError, connection, transaction

log = structlog.get_logger(__name__)
TABLE = "devices_locationtrack"
DAYS_AHEAD = 7
PORTION, PORTIONS = 10_000, 100


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


def drop_partitions(before: date, kept: str) -> int:
    """Drops the days before `before`, the oldest first, but for what is kept, which DEFAULT takes; returns how many.

    kept: SQL that gives device_id, since and until of the parts of tracks that stay. Whoever reports waits for less
    than it takes to move those; when the table cannot be had for two seconds, the rest is left to the next time.
    """
    dropped = 0
    try:
        for name in _older(before):
            dropped += _drop(name, kept)
    except OperationalError as why:
        log.warning("old tracks are left for now", reason=type(why.__cause__).__name__)
    return dropped


def _older(before: date) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND c.relname < %s AND c.relname ~ '_[0-9]{8}$' ORDER BY 1",
            [TABLE, _name(before)],
        )
        return [name for (name,) in cursor.fetchall()]


@transaction.atomic
def _drop(name: str, kept: str) -> bool:
    """DROP needs the whole table for itself, and would wait for whoever writes while all others wait for it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        if not cursor.fetchone()[0]:
            return False  # another process was faster
        cursor.execute(
            f"CREATE TEMPORARY TABLE kept_track ON COMMIT DROP AS SELECT DISTINCT ON (t.id) t.* FROM ({kept}) AS kept"
            f" JOIN {name} t ON t.device_id = kept.device_id AND t.recorded_at BETWEEN kept.since AND kept.until"
        )
        cursor.execute(f"DROP TABLE {name}")
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM kept_track")
        moved = cursor.rowcount
        cursor.execute("DROP TABLE kept_track")
    log.info("old track dropped", partition=name, kept=moved)
    return True


def thin_default(before: date, kept: str) -> int:
    """Deletes what DEFAULT has from before `before`, of watches with a wild clock, unless it is kept; returns how many.

    At most a million at a time.
    """
    deleted = 0
    for _ in range(PORTIONS):
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {TABLE}_default WHERE id IN (SELECT t.id FROM {TABLE}_default t WHERE t.recorded_at < %s"
                f" AND NOT EXISTS (SELECT FROM ({kept}) AS kept WHERE kept.device_id = t.device_id"
                " AND t.recorded_at BETWEEN kept.since AND kept.until) LIMIT %s)",
                [datetime(before.year, before.month, before.day, tzinfo=UTC), PORTION],
            )
            deleted += cursor.rowcount
            if cursor.rowcount < PORTION:
                break
    return deleted
