"""How soon help came, step by step, from the journal and the log of messages."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from .. import sql

STEPS = ("first_push", "first_receipt", "first_accept", "first_on_scene")
FIGURES = ("count", "median_s", "p90_s", "p95_s")


def response_times(since: date, until: date, zone: str) -> dict[str, Any]:
    """By day of `zone`, `since` and `until` included, and in all: how many events, and how soon each step came.

    A step's figures are seconds; null where no event came so far. Tests and drills do not count.
    """
    begin, end = (datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) for day in (since, until + timedelta(1)))
    with connection.cursor() as cursor:
        cursor.execute(sql.RESPONSE_TIMES, {"zone": zone, "since": begin, "until": end})
        rows = {(day, step): figures for day, step, *figures in cursor.fetchall()}
    days = (since + timedelta(number) for number in range((until - since).days + 1))
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "zone": zone,
        "total": _part(rows, None),
        "days": [{"day": day.isoformat(), **_part(rows, day)} for day in days],
    }


def _part(rows: dict[Any, Any], day: date | None) -> dict[str, Any]:
    by_step = {step: rows.get((day, step), [0, 0, None, None, None]) for step in STEPS}
    steps = {
        step: {"count": count, **{name: _rounded(value) for name, value in zip(FIGURES[1:], values, strict=True)}}
        for step, (_, count, *values) in by_step.items()
    }
    return {"events": by_step[STEPS[0]][0], "steps": steps}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(float(seconds), 3)
