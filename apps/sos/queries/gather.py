"""Gathers what decisions are made by (`rules/decide.py`), in one query, and puts on an event what was decided."""

from collections.abc import Sequence
from typing import Any

from apps.devices.rules.registry import point
from mdd_backend.database import prepared

from .. import sql
from ..kinds import AlertStatus, DetectedType, LocationSource
from ..models import Place, SosEvent
from .facts import Facts, Helper, Plan

_DECIDED = (
    "wave_at",
    "waves_called",
    "replacements_due",
    "halted",
    "contacts_alarmed_at",
    "dispatchers_alarmed_at",
)
_AS_THEY_ARE = (*_DECIDED, "last_signal_at", "is_open", "acknowledged_at")
READ = (
    *_DECIDED, "status", "last_signal_at", "acknowledged_at", "plan", "unconfirmed_until", "received_at",
    "detected_type", "silent", "is_drill", "position",
)  # fmt: skip
"""The fields of an event that its facts are made of."""


def facts_of(event: SosEvent, helper_id: int = 0) -> Facts:
    """The facts of an event as it is in memory, with everybody called; the place of `helper_id` in any case."""
    return _facts(event, _rows(event, helper_id))


def facts_and_place(event: SosEvent) -> tuple[Facts, Place | None]:
    """The same, seen from where the event's device is now; that place if it is newer than the event's."""
    rows = _rows(event, follow=True)
    lon, lat, at = rows[0][3:6]
    place = Place(point(lat, lon), at, LocationSource.DEVICE) if lon is not None else None
    return _facts(event, rows, place), place


def facts_of_many(events: Sequence[SosEvent]) -> dict[int, Facts]:
    """By event id, each with those who come or were sent only."""
    by_event: dict[int, list[tuple[Any, ...]]] = {event.pk: [] for event in events}
    values = {"events": [*by_event], "helper": 0, "follow": False}
    for row in prepared.rows(sql.FACTS_OF_MANY, values):
        by_event[row[0]].append(row)
    return {event.pk: _facts(event, by_event[event.pk]) for event in events}


def put(event: SosEvent, facts: Facts) -> None:
    """Gives an open event, in memory, what was decided about it."""
    event.status = facts.status
    for name in _DECIDED:
        setattr(event, name, getattr(facts, name))


def _rows(event: SosEvent, helper_id: int = 0, *, follow: bool = False) -> list[tuple[Any, ...]]:
    return prepared.rows(sql.FACTS, {"event": event.pk, "helper": helper_id, "follow": follow})


def _facts(event: SosEvent, rows: list[tuple[Any, ...]], place: Place | None = None) -> Facts:
    _, at, is_connected, *_, moved_m = rows[0][:7]
    return Facts(
        at=at,
        plan=Plan.of(event.plan),
        began_at=event.began_at,
        is_test=event.detected_type == DetectedType.TEST,
        tells_contacts=not (event.silent or event.is_drill),
        has_place=bool(place or event.position),
        moved_m=moved_m,
        is_console_connected=is_connected,
        helpers=tuple(Helper(row[7], AlertStatus(row[8]), *row[9:]) for row in rows if row[7]),
        **{name: getattr(event, name) for name in _AS_THEY_ARE},
    )
