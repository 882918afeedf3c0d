"""What is read about events and those who can help."""

from dataclasses import dataclass
from typing import Any

from django.contrib.gis.db.models.functions import Distance
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet

from apps.notifications.models import Notification
from apps.notifications.rules.queueing import LIFETIME, PUSH_TOKEN_LIVES, can_send_texts
from apps.users.models import Role, User
from mdd_backend import prepared

from ..models import COMING, OPEN, HelperAlert, SosEvent
from .policy import policy_of
from .privacy import cell_of


def events_known_to(viewer: User) -> QuerySet[SosEvent]:
    """Those that exist for `viewer`: a dispatcher's all, else one's own and those one was called to."""
    events: QuerySet[SosEvent] = SosEvent.objects.all()
    if viewer.role == Role.ADMIN:
        return events
    return events.filter(Q(user=viewer) | Exists(_alerts_of(viewer)))


def seen_exactly(events: QuerySet[SosEvent], viewer: User) -> QuerySet[SosEvent]:
    """Those of `events` whose place `viewer` may see: the same rule as `privacy.sight_of`, for the database."""
    if viewer.role == Role.ADMIN:
        return events
    coming = Exists(_alerts_of(viewer).filter(status__in=COMING))
    return events.filter(Q(user=viewer) | Q(coming, status__in=OPEN))


def _alerts_of(viewer: User) -> QuerySet[HelperAlert]:
    return HelperAlert.objects.filter(event=OuterRef("pk"), helper=viewer)


def reach_of(event: SosEvent) -> QuerySet[Notification]:
    """Every message about the event, the oldest first."""
    told = Notification.objects.filter(event_uid=event.uid).select_related("user")
    return told.prefetch_related("changes").order_by("pk")


def with_people(events: QuerySet[SosEvent]) -> QuerySet[SosEvent]:
    """Everything that showing the events needs, in a fixed number of queries."""
    return events.select_related("user", "device").prefetch_related(Prefetch("alerts", _called_helpers()))


def called_helper(alert: HelperAlert) -> HelperAlert:
    """The alert with what showing it needs."""
    return _called_helpers().get(pk=alert.pk)


def _called_helpers() -> QuerySet[HelperAlert]:
    seen = "helper__helper_position"
    alerts = HelperAlert.objects.select_related("helper").order_by("pk")
    far = Distance(f"{seen}__position", "event__position")
    return alerts.annotate(distance_now=far, seen_at=F(f"{seen}__recorded_at"))


@dataclass(frozen=True)
class NearHelper:
    """A helper who can be called. distance_m: from the event; area_distance_m: from its grid cell's centre."""

    user_id: int
    distance_m: float
    area_distance_m: float


_ACTIVE = "u.role = 'HELPER' AND u.status = 'ACTIVE'"
# Why a helper near the event may not be called, each with the condition under which they may. Every condition is a
# subquery of its own that the planner cannot turn into a join. Who is on duty is active too: the search asks it once.
_FIT = {
    "NOT_ACTIVE": f"(SELECT {_ACTIVE} FROM users_user u WHERE u.id = h.user_id)",
    "OFF_DUTY": f"(SELECT {_ACTIVE} AND u.on_duty FROM users_user u WHERE u.id = h.user_id)",
    "STALE": "h.recorded_at > now() - make_interval(secs => %(position_max_age_s)s)",
    "OFFLINE": "(SELECT d.is_online FROM devices_device d WHERE d.id = h.device_id)",
    "UNREACHABLE": """(%(texts)s OR (SELECT count(*) > 0 FROM notifications_pushtoken t WHERE t.user_id = h.user_id
         AND t.refreshed_at > now() - make_interval(secs => %(token_lives_s)s)))""",
    "BLOCKED": """h.user_id <> ALL (
         ARRAY(SELECT b.helper_id FROM users_blockedhelper b WHERE b.owner_id = %(wearer)s))""",
    "BUSY": """(SELECT count(*) = 0 FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id
         WHERE a.helper_id = h.user_id AND e.status IN ('NEW', 'IN_PROGRESS') AND e.id <> %(event)s
           AND (%(is_drill)s OR NOT e.is_drill)
           AND (a.status IN ('ACCEPTED', 'EN_ROUTE', 'ON_SCENE')
                OR a.status IN ('NOTIFIED', 'ASSIGNED')
                   AND a.rung_at > now() - make_interval(secs => %(unanswered_s)s)))""",
    "IN_NEED": """(SELECT count(*) = 0 FROM sos_sosevent e
         WHERE e.user_id = h.user_id AND e.status IN ('NEW', 'IN_PROGRESS') AND NOT e.is_drill)""",
}
MAY_BE_CALLED = "\n  AND ".join(condition for why, condition in _FIT.items() if why != "NOT_ACTIVE")
"""Of a row of devices_helperposition as `h`; its values: `anybodys_values`, or those of one event."""

# The index gives the nearest first (<->), and the scan ends with the last one wanted or at the radius (ST_DWithin),
# both in metres since they are geography. The planner believes that the conditions leave nobody, and would rather read
# and sort everybody within the radius: of 100,000 helpers that takes 134 ms, and walking outward 2. So it may not, at
# each search: the plan is kept, but PostgreSQL makes another whenever the tables have been analysed.
_WALKING = ("enable_sort", "enable_bitmapscan", "enable_seqscan")
_SET = "SELECT " + ", ".join(f"set_config('{name}', %(walk)s, true)" for name in _WALKING)
_NEAR = """
WITH place AS (
    SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography AS exact,
           ST_SetSRID(ST_MakePoint(%(cell_lon)s, %(cell_lat)s), 4326)::geography AS cell
)
SELECT h.user_id, {columns}
FROM place, devices_helperposition h
WHERE ST_DWithin(h.position, place.exact, %(radius_m)s)
  AND h.user_id <> %(wearer)s
  AND h.user_id <> ALL (ARRAY(SELECT a.helper_id FROM sos_helperalert a WHERE a.event_id = %(event)s))
  {conditions}
ORDER BY h.position <-> place.exact
LIMIT %(helpers)s
"""
_NEAREST = _NEAR.format(
    columns="ST_Distance(h.position, place.exact), ST_Distance(h.position, place.cell)",
    conditions=f"AND {MAY_BE_CALLED}",
)
_WHY_NOT = _NEAR.format(
    columns="CASE " + "".join(f"WHEN NOT {condition} THEN '{why}'\n" for why, condition in _FIT.items()) + "END",
    conditions="",
)
_STILL_FREE = f"SELECT h.user_id FROM devices_helperposition h WHERE h.user_id = ANY(%(people)s) AND {MAY_BE_CALLED}"
LOOKED_AT = 30  # of the nearest, whose reason for being passed over is kept


def nearest_helpers(event: SosEvent, radius_m: int, helpers: int) -> list[NearHelper]:
    """At most `helpers` people within `radius_m` metres of the event whom one may call now, the nearest first."""
    return [NearHelper(*row) for row in _near(_NEAREST, event, radius_m, helpers)]


def passed_over(event: SosEvent, radius_m: int) -> dict[str, str]:
    """Why those of the nearest who may not be called may not: by user id, a key of _FIT."""
    return {str(user_id): why for user_id, why in _near(_WHY_NOT, event, radius_m, LOOKED_AT) if why}


def still_free(event: SosEvent, alerts: QuerySet[HelperAlert]) -> list[HelperAlert]:
    """Those of the event's alerts whose helpers may be called (again)."""
    found = list(alerts.order_by("pk"))
    values = _values(event) | {"people": [alert.helper_id for alert in found]}
    free = {user_id for (user_id,) in prepared.rows(_STILL_FREE, values)} if found else set()
    return [alert for alert in found if alert.helper_id in free]


def _near(sql: str, event: SosEvent, radius_m: int, helpers: int) -> list[Any]:
    if event.lat is None or event.lon is None:
        return []
    cell_lat, cell_lon = cell_of(event.lat, event.lon)
    place = {"lat": event.lat, "lon": event.lon, "cell_lat": cell_lat, "cell_lon": cell_lon}
    with transaction.atomic(savepoint=False):
        prepared.rows(_SET, {"walk": "off"})
        found = prepared.rows(sql, _values(event) | place | {"radius_m": radius_m, "helpers": helpers})
        prepared.rows(_SET, {"walk": "on"})
        return found


def _values(event: SosEvent) -> dict[str, Any]:
    whose = {"wearer": event.user_id, "event": event.pk, "is_drill": event.is_drill}
    return _usual_values(event.plan["position_max_age_s"]) | whose


def anybodys_values() -> dict[str, Any]:
    """The values of MAY_BE_CALLED for an emergency that somebody without a block list would open now."""
    return _usual_values(policy_of("").position_max_age_s) | {"wearer": 0, "event": 0, "is_drill": False}


def _usual_values(position_max_age_s: int) -> dict[str, Any]:
    return {
        "position_max_age_s": position_max_age_s,
        "unanswered_s": LIFETIME.total_seconds(),
        "token_lives_s": PUSH_TOKEN_LIVES.total_seconds(),
        "texts": can_send_texts(),
    }
