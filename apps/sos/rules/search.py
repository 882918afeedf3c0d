"""Who can help: the nearest to an event, why others are passed over, and who of those called is still free."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.notifications.rules.queueing import LIFETIME, PUSH_TOKEN_LIVES, can_send_texts
from mdd_backend.database import prepared

from .. import sql
from ..models import HelperAlert, SosEvent
from ..queries.privacy import cell_of
from .policy import policy_of


@dataclass(frozen=True)
class NearHelper:
    """A helper who can be called. distance_m: from the event; area_distance_m: from its grid cell's centre."""

    user_id: int
    distance_m: float
    area_distance_m: float


LOOKED_AT = 30  # of the nearest, whose reason for being passed over is kept


def nearest_helpers(event: SosEvent, radius_m: int, helpers: int) -> list[NearHelper]:
    """At most `helpers` people within `radius_m` metres of the event whom one may call now, the nearest first."""
    return [NearHelper(*row) for row in _near(sql.NEAREST, event, radius_m, helpers)]


def passed_over(event: SosEvent, radius_m: int) -> dict[str, str]:
    """Why those of the nearest who may not be called may not: by user id, a key of sql.FIT."""
    return {str(user_id): why for user_id, why in _near(sql.WHY_NOT, event, radius_m, LOOKED_AT) if why}


def still_free(event: SosEvent, alerts: QuerySet[HelperAlert]) -> list[HelperAlert]:
    """Those of the event's alerts whose helpers may be called (again)."""
    candidates = list(alerts.order_by("pk"))
    values = _values(event) | {"people": [alert.helper_id for alert in candidates]}
    free = {user_id for (user_id,) in prepared.rows(sql.STILL_FREE, values)} if candidates else set()
    return [alert for alert in candidates if alert.helper_id in free]


def _near(statement: str, event: SosEvent, radius_m: int, helpers: int) -> list[Any]:
    if event.lat is None or event.lon is None:
        return []
    cell_lat, cell_lon = cell_of(event.lat, event.lon)
    place = {"lat": event.lat, "lon": event.lon, "cell_lat": cell_lat, "cell_lon": cell_lon}
    with transaction.atomic(savepoint=False):
        prepared.rows(sql.WALK, {"walk": "off"})
        rows = prepared.rows(statement, _values(event) | place | {"radius_m": radius_m, "helpers": helpers})
        prepared.rows(sql.WALK, {"walk": "on"})
        return rows


def _values(event: SosEvent) -> dict[str, Any]:
    whose = {"wearer": event.user_id, "event": event.pk, "is_drill": event.is_drill}
    return _usual_values(event.plan["position_max_age_s"]) | whose


def anybodys_values() -> dict[str, Any]:
    """The values of sql.MAY_BE_CALLED for an emergency that somebody without a block list would open now."""
    return _usual_values(policy_of("").position_max_age_s) | {"wearer": 0, "event": 0, "is_drill": False}


def _usual_values(position_max_age_s: int) -> dict[str, Any]:
    return {
        "position_max_age_s": position_max_age_s,
        "unanswered_s": LIFETIME.total_seconds(),
        "token_lives_s": PUSH_TOKEN_LIVES.total_seconds(),
        "texts": can_send_texts(),
    }
