"""Puts what devices report into their tracks, and moves them: one statement for any number of reports.

The devices' rows are locked in the order of their keys before anything is written, so that two such statements cannot
deadlock, and nothing is added to the track of a device that is being removed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from mdd_backend import prepared

USE_NOTED_EVERY = timedelta(hours=1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fix:
    """A position in degrees WGS 84, speed in m/s, direction in degrees from north, battery in per cent."""

    lat: float
    lon: float
    recorded_at: datetime | None = None
    speed: float | None = None
    direction: float | None = None
    battery_level: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Fixes that whoever calls says are of `device_uid`: its own token's digest, or the uuid of its owner's account."""

    device_uid: str
    fixes: Sequence[Fix]
    digest: str | None = None
    owner: UUID | None = None

    @property
    def caller(self) -> "Report":
        """The same without its fixes: who says that they are which device."""
        return replace(self, fixes=())


def record_for(device_id: int, fixes: Sequence[Fix]) -> int | None:
    """Of a device whose caller has been let in. How many fixes its track did not have yet; None: it is gone.

    A fix from the future counts as from now: one wrong clock must not pin a device to a place. Of several such only the
    latest is kept, as of all that share a time only the first.
    """
    return _run(_LET_IN, {"report": [0], "device": [device_id]}, [fixes]).get(0)


def record_all(reports: Sequence[Report]) -> list[int | None]:
    """The same of many devices at once, in one transaction; None too where the caller may not report for the device."""
    recorded = _run(_TO_LET_IN, _asked(reports), [report.fixes for report in reports])
    return [recorded.get(number) for number in range(len(reports))]


def let_in(reports: Sequence[Report]) -> list[int | None]:
    """1 for each report whose caller may report for its device, else None; nothing is recorded."""
    numbers = {number for (number,) in prepared.rows(_WHO_IS_LET_IN, _asked(reports))}
    return [1 if number in numbers else None for number in range(len(reports))]


def _asked(reports: Sequence[Report]) -> dict[str, Any]:
    return {
        "report": list(range(len(reports))),
        "device_uid": [report.device_uid for report in reports],
        "digest": [report.digest for report in reports],
        "owner": [report.owner for report in reports],
        "use_noted_every": USE_NOTED_EVERY,
    }


_RECORD = """
WITH let_in AS (
    {let_in}
), held AS (
    SELECT id, owner_id FROM devices_device WHERE id IN (SELECT device_id FROM let_in) ORDER BY id FOR NO KEY UPDATE
), fix AS (
    SELECT let_in.report, held.id AS device_id, n, coalesce(sent.recorded_at, statement_timestamp()) AS claimed_at,
           least(sent.recorded_at, statement_timestamp()) AS recorded_at,
           ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography AS position, speed, direction, battery_level
    FROM unnest(%(of)s::int[], %(lat)s::float8[], %(lon)s::float8[], %(recorded_at)s::timestamptz[],
                %(speed)s::float8[], %(direction)s::float8[], %(battery_level)s::smallint[])
         WITH ORDINALITY AS sent (report, lat, lon, recorded_at, speed, direction, battery_level, n)
    JOIN let_in USING (report) JOIN held ON held.id = let_in.device_id
), newest AS (
    SELECT DISTINCT ON (device_id) device_id, recorded_at, position FROM fix ORDER BY device_id, claimed_at DESC, n
), charge AS (
    SELECT DISTINCT ON (device_id) device_id, recorded_at, battery_level FROM fix
    WHERE battery_level IS NOT NULL ORDER BY device_id, claimed_at DESC, n
), seen AS (
    UPDATE devices_device d
    SET is_online = true, last_seen_at = statement_timestamp(),
        position = CASE WHEN d.position_at >= newest.recorded_at THEN d.position ELSE newest.position END,
        position_at = greatest(d.position_at, newest.recorded_at),
        battery_level = CASE WHEN charge.recorded_at IS NULL OR d.battery_at >= charge.recorded_at
                             THEN d.battery_level ELSE charge.battery_level END,
        battery_at = greatest(d.battery_at, charge.recorded_at)
    FROM newest LEFT JOIN charge USING (device_id)
    WHERE d.id = newest.device_id
    RETURNING d.id, d.owner_id, d.position, d.position_at, d.position_at = newest.recorded_at AS is_there
), new AS (
    SELECT DISTINCT ON (device_id, recorded_at) * FROM fix ORDER BY device_id, recorded_at, claimed_at DESC, n
), track AS (
    INSERT INTO devices_locationtrack (device_id, recorded_at, received_at, position, speed, direction, battery_level)
    SELECT device_id, recorded_at, statement_timestamp(), position, speed, direction, battery_level FROM new
    ON CONFLICT (device_id, recorded_at) DO NOTHING
    RETURNING device_id, recorded_at
), helper AS (
    INSERT INTO devices_helperposition AS h (user_id, device_id, position, recorded_at)
    SELECT DISTINCT ON (u.id) u.id, seen.id, seen.position, seen.position_at
    FROM seen JOIN users_user u ON u.id = seen.owner_id AND u.role = 'HELPER'
    WHERE seen.is_there ORDER BY u.id, seen.position_at DESC
    ON CONFLICT (user_id) DO UPDATE
    SET device_id = excluded.device_id, position = excluded.position, recorded_at = excluded.recorded_at
    WHERE h.recorded_at < excluded.recorded_at
), used AS (
    UPDATE devices_devicetoken t SET last_used_at = statement_timestamp()
    FROM let_in JOIN held ON held.id = let_in.device_id WHERE t.device_id = held.id AND let_in.keep_use
)
SELECT let_in.report, count(track.device_id)
FROM let_in JOIN held ON held.id = let_in.device_id
LEFT JOIN new ON new.report = let_in.report
LEFT JOIN track ON track.device_id = new.device_id AND track.recorded_at = new.recorded_at
GROUP BY let_in.report
"""
_LET_IN = _RECORD.format(
    let_in="SELECT report, device_id, false AS keep_use"
    " FROM unnest(%(report)s::int[], %(device)s::bigint[]) AS asked (report, device_id)"
)
_CALLERS = """SELECT asked.report, d.id AS device_id,
           t.device_id IS NOT NULL AND (t.last_used_at < statement_timestamp() - %(use_noted_every)s::interval)
           IS NOT FALSE AS keep_use
    FROM unnest(%(report)s::int[], %(device_uid)s::text[], %(digest)s::text[], %(owner)s::uuid[])
         AS asked (report, device_uid, digest, owner)
    JOIN devices_device d ON d.device_uid = asked.device_uid
    JOIN users_user u ON u.id = d.owner_id AND u.status = 'ACTIVE'
    LEFT JOIN devices_devicetoken t ON t.device_id = d.id AND t.digest = asked.digest
    WHERE t.device_id IS NOT NULL OR u.uuid = asked.owner"""
_TO_LET_IN = _RECORD.format(let_in=_CALLERS)
_WHO_IS_LET_IN = f"SELECT report FROM ({_CALLERS}) AS let_in"


def _run(statement: str, asked: dict[str, Any], fixes: Sequence[Sequence[Fix]]) -> dict[int, int]:
    """By report, how many fixes were new."""
    sent = [(number, fix) for number, some in enumerate(fixes) for fix in some]
    every = _columns(fix for _, fix in sent)
    return dict(prepared.rows(statement, asked | every | {"of": [number for number, _ in sent]}))


def _columns(fixes: Iterable[Fix]) -> dict[str, list[Any]]:
    all_of_them = list(fixes)

    def column(of: Callable[[Fix], T]) -> list[T]:
        return [of(fix) for fix in all_of_them]

    return {
        "lat": column(lambda fix: float(fix.lat)),
        "lon": column(lambda fix: float(fix.lon)),
        "recorded_at": column(lambda fix: fix.recorded_at),
        "speed": column(lambda fix: _float(fix.speed)),
        "direction": column(lambda fix: _float(fix.direction)),
        "battery_level": column(lambda fix: fix.battery_level),
    }


def _float(number: float | None) -> float | None:
    """PostgreSQL's arrays hold one type."""
    return None if number is None else float(number)
