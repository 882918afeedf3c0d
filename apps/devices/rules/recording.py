"""Puts what devices report into their tracks, and moves them: one statement for any number of reports.

The devices' rows are locked in the order of their keys before anything is written, so that two such statements cannot
deadlock, and nothing is added to the track of a device that is being removed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from mdd_backend.database import prepared

from .. import sql

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
    """Fixes that whoever calls says are of `device_uid`: its own token's digest, or the uuid of its owner's account,
    with the version and the session of that access token.
    """

    device_uid: str
    fixes: Sequence[Fix]
    digest: str | None = None
    owner: UUID | None = None
    version: int = 0
    session: str = ""

    @property
    def caller(self) -> "Report":
        """The same without its fixes: who says that they are which device."""
        return replace(self, fixes=())


class Kept(NamedTuple):
    """What became of a report's fixes: how many are new in the track, and for how many it had no room."""

    recorded: int
    over_limit: int = 0

    def shown(self, sent: int) -> dict[str, int]:
        """The counts that whoever has sent so many fixes is answered."""
        duplicates = sent - self.recorded - self.over_limit
        return {"recorded": self.recorded, "duplicates": duplicates, "over_limit": self.over_limit}

    def shown_of_one(self) -> dict[str, str | int]:
        """What whoever has sent a single fix is answered."""
        said: dict[str, str | int] = {"status": "location recorded"}
        return said | {"over_limit": self.over_limit} if self.over_limit else said


def record_for(device_id: int, fixes: Sequence[Fix]) -> Kept | None:
    """Records the fixes of a device whose caller has been let in; what became of them. None: the device is gone.

    A fix from the future counts as from now: one wrong clock must not pin a device to a place. Of several such only the
    latest is kept, as of all that share a time only the first. The track has room for 1,000 fixes, and for one more
    each second; of more than that the newest are kept, and the device moves all the same.
    """
    return _run(sql.RECORD, {"report": [0], "device": [device_id]}, [fixes]).get(0)


def record_all(reports: Sequence[Report]) -> list[Kept | None]:
    """The same of many devices at once, in one transaction; None too where the caller may not report for the device."""
    recorded = _run(sql.RECORD_IF_LET_IN, _report_columns(reports), [report.fixes for report in reports])
    return [recorded.get(number) for number in range(len(reports))]


def let_in(reports: Sequence[Report]) -> list[int | None]:
    """1 for each report whose caller may report for its device, else None; nothing is recorded."""
    numbers = {number for (number,) in prepared.rows(sql.LET_IN, _report_columns(reports))}
    return [1 if number in numbers else None for number in range(len(reports))]


def _report_columns(reports: Sequence[Report]) -> dict[str, Any]:
    return {
        "report": list(range(len(reports))),
        "device_uid": [report.device_uid for report in reports],
        "digest": [report.digest for report in reports],
        "owner": [report.owner for report in reports],
        "version": [report.version for report in reports],
        "session": [report.session for report in reports],
        "use_noted_every": USE_NOTED_EVERY,
    }


def _run(statement: str, report_columns: dict[str, Any], fixes: Sequence[Sequence[Fix]]) -> dict[int, Kept]:
    """By report, what became of its fixes."""
    sent = [(number, fix) for number, some in enumerate(fixes) for fix in some]
    every = _columns(fix for _, fix in sent)
    rows = prepared.rows(statement, report_columns | every | {"of": [number for number, _ in sent]})
    return {number: Kept(recorded, over_limit) for number, recorded, over_limit in rows}


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
