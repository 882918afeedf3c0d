"""What is read about events and those who can help."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from apps.notifications.services import LIFETIME, PUSH_TOKEN_LIVES
from apps.users.models import Role, User

from .models import OPEN, AlertStatus, HelperAlert, SosEvent
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
    coming = Exists(_alerts_of(viewer).filter(status=AlertStatus.ACCEPTED))
    return events.filter(Q(user=viewer) | Q(coming, status__in=OPEN))


def _alerts_of(viewer: User) -> QuerySet[HelperAlert]:
    return HelperAlert.objects.filter(event=OuterRef("pk"), helper=viewer)


def with_people(events: QuerySet[SosEvent]) -> QuerySet[SosEvent]:
    """Everything that showing the events needs, in a fixed number of queries."""
    alerts = HelperAlert.objects.select_related("helper").order_by("pk")
    return events.select_related("user", "device").prefetch_related(Prefetch("alerts", alerts))


@dataclass(frozen=True)
class NearHelper:
    """A helper who can be called. distance_m: from the event; area_distance_m: from its grid cell's centre."""

    user_id: int
    distance_m: float
    area_distance_m: float


# ST_DWithin bounds the search, <-> lets the index give the nearest first; geography, so that both are metres. Each
# condition is a subquery of its own that the planner cannot turn into a join: the scan walks outward from the event and
# stops at the last place, whatever the statistics promise (a join read all 20,000 helpers on duty: 78 ms against 7).
_NEAREST = """
WITH place AS (
    SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography AS exact,
           ST_SetSRID(ST_MakePoint(%(cell_lon)s, %(cell_lat)s), 4326)::geography AS cell
)
SELECT h.user_id, ST_Distance(h.position, place.exact), ST_Distance(h.position, place.cell)
FROM place, devices_helperposition h
WHERE ST_DWithin(h.position, place.exact, %(radius_m)s)
  AND h.recorded_at > now() - make_interval(secs => %(position_max_age_s)s)
  AND h.user_id <> %(wearer)s
  AND (SELECT u.role = 'HELPER' AND u.status = 'ACTIVE' AND u.on_duty FROM users_user u WHERE u.id = h.user_id)
  AND (SELECT d.is_online FROM devices_device d WHERE d.id = h.device_id)
  AND (SELECT count(*) > 0 FROM notifications_pushtoken t WHERE t.user_id = h.user_id
         AND t.refreshed_at > now() - make_interval(secs => %(token_lives_s)s))
  AND (SELECT count(*) = 0 FROM sos_helperalert a WHERE a.event_id = %(event)s AND a.helper_id = h.user_id)
  AND (SELECT count(*) = 0 FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id
       WHERE a.helper_id = h.user_id AND e.status IN ('NEW', 'IN_PROGRESS')
         AND (a.status = 'ACCEPTED'
              OR a.status = 'NOTIFIED' AND a.created_at > now() - make_interval(secs => %(unanswered_s)s)))
  AND (SELECT count(*) = 0 FROM sos_sosevent e WHERE e.user_id = h.user_id AND e.status IN ('NEW', 'IN_PROGRESS'))
ORDER BY h.position <-> place.exact
LIMIT %(helpers)s
"""


def nearest_helpers(event: SosEvent, radius_m: int, helpers: int) -> list[NearHelper]:
    """At most `helpers` people within `radius_m` metres of the event whom one may call now, the nearest first."""
    if event.lat is None or event.lon is None:
        return []
    cell_lat, cell_lon = cell_of(event.lat, event.lon)
    values = {
        "lat": event.lat,
        "lon": event.lon,
        "cell_lat": cell_lat,
        "cell_lon": cell_lon,
        "radius_m": radius_m,
        "helpers": helpers,
        "position_max_age_s": event.plan["position_max_age_s"],
        "unanswered_s": LIFETIME.total_seconds(),
        "token_lives_s": PUSH_TOKEN_LIVES.total_seconds(),
        "wearer": event.user_id,
        "event": event.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, values)
        return [NearHelper(*row) for row in cursor.fetchall()]
