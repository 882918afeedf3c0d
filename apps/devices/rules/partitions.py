"""Day partitions of the track table: made ahead by beat and by every migrate, dropped when they are old; DEFAULT takes
what has none."""

from datetime import UTC, date, datetime, timedelta

import structlog
from django.db import IntegrityError, InternalError, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import LockNotAvailable

log = structlog.get_logger(__name__)
TABLE = "devices_locationtrack"
DAYS_AHEAD = 7
DAYS_DROPPED = 100  # at a time
PORTION, PORTIONS = 10_000, 100
# Whoever reports waits behind whoever waits for the table: so long, and no longer.
PATIENCE = "500ms"
# A day that PostgreSQL refuses, of whatever reason, must not hold up the others.
REFUSED = (OperationalError, IntegrityError, InternalError)


def create_partitions(today: date) -> int:
    """Makes the partitions of yesterday to a week ahead that are missing; returns how many."""
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    return sum(_try_to_create(day) for day in days if not _exists(day))


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _day(name: str) -> date:
    return datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date()


def _bounds(day: date) -> tuple[str, str]:
    return f"{day:%Y-%m-%d} 00:00+00", f"{day + timedelta(days=1):%Y-%m-%d} 00:00+00"


def _exists(day: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [_name(day)])
        return bool(cursor.fetchone()[0])


def _try_to_create(day: date) -> bool:
    """Or leaves it to the next time: DEFAULT takes its rows meanwhile."""
    try:
        return _create(day)
    except REFUSED as why:
        log.warning("partition not made for now", partition=_name(day), reason=type(why.__cause__).__name__)
        return False


@transaction.atomic
def _create(day: date) -> bool:
    """Rows of that day which DEFAULT already holds move over, or attaching would be refused.

    Attaching locks the devices against writing, for the foreign key. A report has that lock before it comes to DEFAULT:
    so does this, or each would wait for the other.
    """
    name, bounds = _name(day), _bounds(day)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")
        if _exists(day):
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute("LOCK TABLE devices_device IN SHARE ROW EXCLUSIVE MODE")
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

    kept: SQL that gives device_id, since and until of the parts of tracks that stay. Whoever reports waits for half a
    second at most and for as long as it takes to move those; when the table cannot be had, the rest is left to the next
    time. At most 100 days at a time.
    """
    dropped = 0
    for name in _older(before):
        try:
            dropped += _drop(name, kept)
        except REFUSED as why:
            log.warning("old tracks are left for now", partition=name, reason=type(why.__cause__).__name__)
            if isinstance(why.__cause__, LockNotAvailable):
                break
    return dropped


def _older(before: date) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND c.relname < %s AND c.relname ~ '_[0-9]{8}$' ORDER BY 1 LIMIT %s",
            [TABLE, _name(before), DAYS_DROPPED],
        )
        return [name for (name,) in cursor.fetchall()]


@transaction.atomic
def _drop(name: str, kept: str) -> bool:
    """DROP needs the whole table for itself: what can be done before is."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(
            "CREATE TEMPORARY TABLE kept_span ON COMMIT DROP AS"
            f" SELECT device_id, since, until FROM ({kept}) AS kept WHERE until >= %s AND since < %s",
            _bounds(_day(name)),
        )
        cursor.execute(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
        moved = _drop_but_for_spans(name, cursor) if _exists(_day(name)) else None
        cursor.execute("DROP TABLE kept_span")
    if moved is None:
        return False  # another process was faster
    log.info("old track dropped", partition=name, kept=moved)
    return True


def _drop_but_for_spans(name: str, cursor: CursorWrapper) -> int:
    """Through the table's front door what is kept finds DEFAULT, once nothing else takes its day; returns how many."""
    cursor.execute(
        "CREATE TEMPORARY TABLE kept_track ON COMMIT DROP AS SELECT DISTINCT ON (t.id) t.* FROM kept_span AS kept"
        f" JOIN {name} t ON t.device_id = kept.device_id AND t.recorded_at BETWEEN kept.since AND kept.until"
    )
    cursor.execute(f"DROP TABLE {name}")
    cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM kept_track")
    moved: int = cursor.rowcount
    cursor.execute("DROP TABLE kept_track")
    return moved


def thin_default(before: date, kept: str) -> int:
    """Deletes what DEFAULT has from before `before`, of watches with a wild clock, unless it is kept; returns how many.

    Looks at the million that came last, at most: what was kept from a dropped day came long before.
    """
    total, last = 0, 2**63 - 1
    for _ in range(PORTIONS):
        seen, lowest, deleted = _thin_portion(before, kept, last)
        total += deleted
        if seen < PORTION:
            break
        last = lowest
    if total:
        log.info("old fixes of wild clocks deleted", deleted=total)
    return total


def _thin_portion(before: date, kept: str, last: int) -> tuple[int, int, int]:
    """Of those with ids below `last`: how many were looked at, the lowest id, how many went.

    Waits for nobody's rows: somebody else is deleting those.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH seen AS MATERIALIZED (SELECT id, recorded_at FROM {TABLE}_default"
            "  WHERE id < %s AND recorded_at < %s ORDER BY id DESC LIMIT %s"
            f"), stray AS MATERIALIZED (SELECT t.id FROM {TABLE}_default t JOIN seen USING (id, recorded_at)"
            f"  WHERE NOT EXISTS (SELECT FROM ({kept}) AS kept WHERE kept.device_id = t.device_id"
            "  AND t.recorded_at BETWEEN kept.since AND kept.until) FOR UPDATE OF t SKIP LOCKED"
            f"), gone AS (DELETE FROM {TABLE}_default WHERE id IN (SELECT id FROM stray) RETURNING id)"
            " SELECT count(*), coalesce(min(id), 0), (SELECT count(*) FROM gone) FROM seen",
            [last, datetime(before.year, before.month, before.day, tzinfo=UTC), PORTION],
        )
        seen, lowest, deleted = cursor.fetchone()
    return seen, lowest, deleted
