"""Who may call a helper now: one event at a time, by rank. docs/dispatch.md, "When helpers are few", has the table."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from apps.notifications.rules.queueing import LIFETIME
from mdd_backend.database import prepared

from . import sql
from .models import SosEvent

log = structlog.get_logger(__name__)
RING = LIFETIME
"""So long a phone rings for one event, unless its owner answers or a more urgent event needs them."""

REPLACED_WITHIN = timedelta(seconds=2)
"""Whoever is lost to another event has been replaced by then, or the sweep stands still."""

_REAL, _PROVEN, _FIRST = 400, 200, 100


def rank_of(*, is_drill: bool, is_proven: bool, is_first: bool, severity: int) -> int:
    """Whose phones ring where helpers are few: the higher first. It never decides whether anybody is called.

    is_proven: the watch is established, or it is the one open event of an account whose phone is confirmed
    (docs/dispatch.md says how). is_first: its wearer has no other open event.
    """
    return _REAL * (not is_drill) + _PROVEN * is_proven + _FIRST * is_first + severity


def can_wait(event: SosEvent) -> bool:
    """Whether it comes after those of established watches in every queue: hundreds of invented ones delay nobody."""
    return event.rank < _REAL + _PROVEN


def may_share(event: SosEvent) -> bool:
    """Whether phones that ring for an event of the same rank may ring for this one too, where too few are left."""
    return not event.is_drill and event.rank % _PROVEN >= _FIRST


def claim(event: SosEvent, helper_ids: Sequence[int], number: int) -> set[int]:
    """At most `number` of these helpers, first those who are free or ring for a lower class; from now on their phones
    ring for the event.
    """
    if not helper_ids or number <= 0:
        return set()
    values = _values(event) | {"helpers": list(helper_ids), "number": number, "ring": RING}
    return {helper_id for (helper_id,) in prepared.rows(sql.CLAIM, values)}


def comes(event: SosEvent, helper_id: int) -> bool:
    """Whether the helper can come to the event, to which they belong from now on; not while they come to another."""
    return bool(prepared.rows(sql.COMES, _values(event) | {"helper": helper_id}))


def is_sent(event: SosEvent, helper_id: int) -> bool:
    """The same for one whom a dispatcher sends and who has not confirmed it: for as long as a ring."""
    return bool(prepared.rows(sql.IS_SENT, _values(event) | {"helper": helper_id, "ring": RING}))


def release(event: SosEvent, helper_ids: Sequence[int]) -> None:
    """Those of them who belong to the event are free."""
    if helper_ids:
        prepared.rows(sql.RELEASE, {"event": event.pk, "helpers": list(helper_ids)})


def note_withdrawal(helper_id: int) -> None:
    """They have accepted and withdrawn: with the second time within an hour they are called last for an hour."""
    prepared.rows(sql.WITHDREW, [helper_id])


def replace_lost(batch: int = 500) -> None:
    """Makes the events due whose helpers others have taken."""
    prepared.rows(sql.REPLACE_LOST, [batch])


def audit() -> None:
    """Puts right, and says, what must not be: it would keep a helper from everybody, or send them to two places."""
    wrong = {
        "missing": prepared.rows(sql.CLAIM_MISSING, []),
        "of_nobody": prepared.rows(sql.CLAIM_OF_NOBODY, []),
        "of_who_comes": prepared.rows(sql.CLAIM_OF_WHO_COMES, []),
        "lost_and_not_replaced": prepared.rows(sql.LEFT_ALONE, [REPLACED_WITHIN]),
    }
    if any(wrong.values()):
        log.error("claims were wrong", **{name: len(rows) for name, rows in wrong.items()})


def _values(event: SosEvent) -> dict[str, object]:
    class_from = event.rank - event.rank % _PROVEN
    return {"event": event.pk, "is_drill": event.is_drill, "rank": event.rank, "class": class_from}
