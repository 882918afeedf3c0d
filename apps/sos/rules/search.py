"""Who can help: the nearest to an event, why others are passed over, and who of those called is still free."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.notifications.rules.queueing import PUSH_TOKEN_LIVES, can_send_texts
from mdd_backend.database import prepared

from .. import sql
from ..claims import claim, may_share
from ..models import HelperAlert, SosEvent
from ..queries.facts import Plan
from ..queries.privacy import cell_of
from .policy import policy_of


@dataclass(frozen=True)
class NearHelper:
    """A helper who can be called. distance_m: from the event; area_distance_m: from its grid cell's centre.

    caution: why they are called last (a value of Caution), else blank.
    """

    user_id: int
    distance_m: float
    area_distance_m: float
    caution: str = ""


LOOK_FURTHER = 3  # times as many as are wanted: some may be claimed for another event at this moment
WALK_PAST = 5000  # of the nearest who are on call and seen lately: no search goes further
LOOKED_AT = 30  # of the nearest who are not called: so many are asked why


@dataclass(frozen=True)
class PassedOver:
    """Somebody near who is not called and may not be. distance_m: from the event. reason: a key of sql.FIT."""

    user_id: int
    distance_m: int
    reason: str


@dataclass(frozen=True)
class Chosen:
    """Who is called, those called last at the end.

    short: so many whom one could have called went to other events meanwhile.
    """

    helpers: tuple[NearHelper, ...] = ()
    short: int = 0


def choose(event: SosEvent, radius_m: int, number: int) -> Chosen:
    """Claims at most `number` of the nearest within `radius_m` metres whom one may call now.

    Where too few are left, those who have not answered another event of the same rank are called as well; and after all
    of these, those who are called last (docs/dispatch.md says who).
    """
    helpers: list[NearHelper] = []
    free = 0
    with _walking():
        for is_last in (False, True):
            wanted = number - len(helpers)
            if wanted > 0:
                near = _nearest(event, radius_m, wanted * LOOK_FURTHER, is_last=is_last)
                helpers += _claimed(event, radius_m, wanted, near, is_last)
                free += len(near)
    return Chosen(tuple(helpers), max(0, min(number, free) - len(helpers)))


def _claimed(
    event: SosEvent, radius_m: int, number: int, near: Sequence[NearHelper], is_last: bool
) -> Sequence[NearHelper]:
    claimed = claim(event, [helper.user_id for helper in near], number)
    helpers = [helper for helper in near if helper.user_id in claimed]
    if len(helpers) < number and may_share(event):
        look = number * LOOK_FURTHER
        ringing = _nearest(event, radius_m, look, rank=event.rank + 1, is_last=is_last)
        helpers += [helper for helper in ringing if helper.user_id not in claimed][: number - len(helpers)]
    return helpers


def nearest_helpers(event: SosEvent, radius_m: int, helpers: int) -> list[NearHelper]:
    """At most `helpers` people within `radius_m` metres of the event whom one may call now, the nearest first."""
    with _walking():
        return _nearest(event, radius_m, helpers)


def _nearest(
    event: SosEvent, radius_m: int, helpers: int, *, rank: int | None = None, is_last: bool | None = None
) -> list[NearHelper]:
    """rank: as an event of that rank might, in place of its own. is_last: only those who are called last, or only the
    others; None: all.
    """
    values: dict[str, int | None] = {"is_last": is_last}
    if rank is not None:
        values["rank"] = rank
    return [NearHelper(*row) for row in _near(sql.NEAREST, event, radius_m, helpers, **values)]


def passed_over(event: SosEvent) -> list[PassedOver]:
    """Of the 30 nearest within the present radius who are not called, those who may not be, the nearest first.

    Nobody when the event is closed or has no place.
    """
    if not event.is_open:
        return []
    radius_m = Plan.of(event.plan).present_wave(event.waves_called).radius_m
    with _walking():
        near = _near(sql.WHY_NOT, event, radius_m, LOOKED_AT)
    return [PassedOver(user_id, round(distance_m), reason) for user_id, distance_m, reason in near if reason]


def choose_again(event: SosEvent, alerts: QuerySet[HelperAlert]) -> list[HelperAlert]:
    """Claims those of the event's helpers, by their alerts, who may be rung again."""
    called = list(alerts.order_by("pk"))
    values = _values(event) | {"people": [alert.helper_id for alert in called]}
    free = [user_id for (user_id,) in prepared.rows(sql.MAY_BE_RUNG, values)] if called else []
    claimed = claim(event, free, len(free))
    return [alert for alert in called if alert.helper_id in claimed]


@contextmanager
def _walking() -> Iterator[None]:
    with transaction.atomic(savepoint=False):
        prepared.rows(sql.WALK, {"walk": "off"})
        yield
        prepared.rows(sql.WALK, {"walk": "on"})


def _near(statement: str, event: SosEvent, radius_m: int, helpers: int, **others: int | None) -> list[Any]:
    if event.lat is None or event.lon is None:
        return []
    cell_lat, cell_lon = cell_of(event.lat, event.lon)
    place = {"lat": event.lat, "lon": event.lon, "cell_lat": cell_lat, "cell_lon": cell_lon}
    size = {"radius_m": radius_m, "helpers": helpers, "walk_past": WALK_PAST}
    return prepared.rows(statement, _values(event) | place | size | others)


def _values(event: SosEvent) -> dict[str, Any]:
    whose = {"wearer": event.user_id, "event": event.pk, "is_drill": event.is_drill, "rank": event.rank}
    return _usual_values(event.plan["position_max_age_s"]) | whose


def anybodys_values() -> dict[str, Any]:
    """The values of sql.MAY_BE_CALLED for an emergency that somebody without a block list would open now."""
    return _usual_values(policy_of("").position_max_age_s) | {"wearer": 0, "event": 0, "is_drill": False, "rank": 0}


def _usual_values(position_max_age_s: int) -> dict[str, Any]:
    return {
        "position_max_age_s": position_max_age_s,
        "token_lives_s": PUSH_TOKEN_LIVES.total_seconds(),
        "texts": can_send_texts(),
    }
