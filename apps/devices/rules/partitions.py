"""Day partitions of the track table: made ahead by beat and by every migrate, dropped when they are old; DEFAULT takes
what has none.

PostgreSQL's own functions make and drop them, with the owner's rights, and wait half a second for the table: whoever
reports waits behind them.
"""

from datetime import UTC, date, datetime, timedelta

import structlog
from django.db import IntegrityError, InternalError, OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

log = structlog.get_logger(__name__)
TABLE = "devices_locationtrack"
DAYS_AHEAD = 7
DAYS_DROPPED = 100  # at a time
PORTION, PORTIONS = 10_000, 100
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
    """Rows of that day which DEFAULT already holds move over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT devices_make_track_day(%s)", [day])
        return bool(cursor.fetchone()[0])


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
    """Whether it was there. DROP needs the whole table for itself: what is kept is looked up before."""
    day = _day(name)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT devices_drop_track_day(%s, array_agg(device_id), array_agg(since), array_agg(until))"
            f" FROM ({kept}) AS kept WHERE until >= %s AND since < %s",
            [day, *_bounds(day)],
        )
        (moved,) = cursor.fetchone()
    if moved is None:
        return False  # another process was faster
    log.info("old track dropped", partition=name, kept=moved)
    return True


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
