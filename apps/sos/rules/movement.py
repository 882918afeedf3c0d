"""Follows those who move: the wearer, and the helpers who said that they come."""

from datetime import datetime

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point

from apps.devices.models import HelperPosition
from apps.devices.rules.queries import place_since
from apps.devices.rules.registry import point
from apps.notifications.kinds import MessageKind
from mdd_backend import prepared

from .. import sql
from ..journal import Entry
from ..kinds import AlertStatus, JournalKind, LocationSource
from ..models import SEEN_LATELY, HelperAlert, Place, SosEvent
from .alarms import tell_coming, tell_helper
from .privacy import cell_of, coarse

MOVED_M = 500
NEARER_M = 50
THERE_M = 100
SEES_IT_M = 500


def metres_between(event: SosEvent, helper_id: int) -> tuple[float, datetime] | None:
    """How far a helper is from the event, in metres, and when they were there; None when either place is unknown."""
    return metres_from(event.position, helper_id) if event.position else None


def was_seen_near(event: SosEvent, helper_id: int, at: datetime) -> bool:
    """Whether the helper's position is within 500 m of the event and younger than 120 s."""
    seen = metres_between(event, helper_id)
    return seen is not None and seen[0] <= SEES_IT_M and at - seen[1] <= SEEN_LATELY


def metres_from(place: Point, helper_id: int) -> tuple[float, datetime] | None:
    """How far a helper is from a place, in metres, and when they were there; None when theirs is unknown."""
    places = HelperPosition.objects.filter(user_id=helper_id).annotate(far=Distance("position", place))
    found = places.values_list("far", "recorded_at").first()
    return (found[0].m, found[1]) if found else None


def measure(alert: HelperAlert) -> None:
    """Notes how far the helper is from the event and from its area's centre, unless that is known since their call."""
    place = alert.event.position
    if place is None or alert.distance_m is not None:
        return
    from_place = metres_from(place, alert.helper_id)
    from_area = metres_from(point(*cell_of(place.y, place.x)), alert.helper_id)
    if from_place and from_area:
        alert.distance_m, alert.area_distance_m = from_place[0], coarse(from_area[0])


def follow_wearer(event: SosEvent, at: datetime) -> list[Entry]:
    """The event goes where its device goes; those coming are told of more than 500 m."""
    newer = place_since(event.device_id, event.position_at) if event.device_id else None
    if newer:
        event.move(Place(*newer, LocationSource.DEVICE), at)
    if event.position is None:
        return []
    if event.told_position is None:
        event.told_position = event.position
    moved_m = metres(event.told_position, event.position)
    if moved_m <= MOVED_M:
        return []
    event.told_position = event.position
    assert event.position_at  # noqa: S101 - set with every position
    tell_coming(event, MessageKind.WEARER_MOVED, ring=int(event.position_at.timestamp()))
    return [Entry(event.pk, JournalKind.PLACE_MOVED, data={"moved_m": round(moved_m)})]


def metres(one: Point, other: Point) -> float:
    """Between two places, on the WGS 84 ellipsoid."""
    if one.coords == other.coords:
        return 0.0
    return float(prepared.rows(sql.METRES, [*one.coords, *other.coords])[0][0])


def watch_helpers(event: SosEvent, at: datetime) -> list[Entry]:
    """Asks who came no nearer, on fresh positions, for movement_ask_s; releases them after movement_release_s."""
    entries: list[Entry] = []
    on_their_way = [AlertStatus.ACCEPTED, AlertStatus.EN_ROUTE]
    alerts = event.alerts.select_for_update(of=["self"]).select_related("helper").filter(status__in=on_their_way)
    for alert in alerts.order_by("pk"):
        alert.event = event
        entries += _watch(alert, at)
    return entries


def _watch(alert: HelperAlert, at: datetime) -> list[Entry]:
    seen = metres_between(alert.event, alert.helper_id)
    since = alert.progress_at or alert.accepted_at or at
    if seen is None or seen[1] <= since:
        return []  # nothing known since: that is no standing still
    far_m = seen[0]
    if alert.progress_m is None or far_m <= max(THERE_M, alert.progress_m - NEARER_M):
        _note(alert, progress_at=seen[1], progress_m=far_m, asked_at=None)
        return []
    stood_s = (at - since).total_seconds()
    if at - seen[1] > SEEN_LATELY:
        return []
    if alert.asked_at and stood_s >= alert.event.plan["movement_release_s"]:
        _note(alert, status=AlertStatus.WITHDRAWN, asked_at=None)
        tell_helper(alert, MessageKind.RELEASED)
        return [_entry(alert, JournalKind.HELPER_RELEASED)]
    if alert.asked_at is None and stood_s >= alert.event.plan["movement_ask_s"]:
        _note(alert, asked_at=at)
        tell_helper(alert, MessageKind.STILL_COMING)
        return [_entry(alert, JournalKind.HELPER_ASKED)]
    return []


def _note(alert: HelperAlert, **changes: object) -> None:
    HelperAlert.objects.filter(pk=alert.pk).update(**changes)


def _entry(alert: HelperAlert, kind: JournalKind) -> Entry:
    return Entry(alert.event_id, kind, data={"helper": alert.helper_id})
