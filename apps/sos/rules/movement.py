"""Follows those who move: the wearer, and the helpers who said that they come."""

from datetime import datetime

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point

from apps.devices.models import HelperPosition
from apps.devices.rules.registry import point
from apps.notifications.kinds import MessageKind

from .. import claims
from ..journal import Entry
from ..journal.entries import OfHelper, PlaceMoved
from ..kinds import JournalKind
from ..models import HelperAlert, Place, SosEvent
from ..queries.facts import Helper
from ..queries.privacy import cell_of, coarse
from .alarms import tell_coming, tell_helper
from .decide import Step


def metres_from(place: Point, helper_id: int) -> tuple[float, datetime] | None:
    """How far a helper is from a place, in metres, and when they were there; None when theirs is unknown."""
    places = HelperPosition.objects.filter(user_id=helper_id).annotate(far=Distance("position", place))
    row = places.values_list("far", "recorded_at").first()
    return (row[0].m, row[1]) if row and row[0] is not None and row[1] else None


def measure(alert: HelperAlert) -> None:
    """Notes how far the helper is from the event and from its area's centre, unless that is known since their call."""
    place = alert.event.position
    if place is None or alert.distance_m is not None:
        return
    from_place = metres_from(place, alert.helper_id)
    from_area = metres_from(point(*cell_of(place.y, place.x)), alert.helper_id)
    if from_place and from_area:
        alert.distance_m, alert.area_distance_m = from_place[0], coarse(from_area[0])


def follow_wearer(event: SosEvent, place: Place | None, step: Step) -> list[Entry]:
    """The event goes where its device went (`place`, if it did); those coming are told of more than 500 m."""
    if place:
        event.move(place, step.facts.at)
    if event.position and (step.has_moved or event.told_position is None):
        event.told_position = event.position
    if not step.has_moved:
        return []
    assert event.position_at  # noqa: S101 - set with every position
    tell_coming(event, MessageKind.WEARER_MOVED, occasion=int(event.position_at.timestamp()))
    return [Entry(event.pk, JournalKind.PLACE_MOVED, data=PlaceMoved(round(step.moved_m)))]


def check_helpers(event: SosEvent, step: Step) -> list[Entry]:
    """Notes who came nearer, asks who did not whether they still come, and releases them after a while."""
    for helper in step.nearer:
        _change(event, helper, progress_at=helper.progress_at, progress_m=helper.progress_m, asked_at=None)
    for helper in step.ask:
        _change(event, helper, asked_at=helper.asked_at)
        tell_helper(event, helper, MessageKind.STILL_COMING, step.facts.at)
    for helper in step.release:
        _change(event, helper, status=helper.status, asked_at=None)
        tell_helper(event, helper, MessageKind.RELEASED, step.facts.at)
    claims.release(event, [helper.id for helper in step.release])
    entries = [Entry(event.pk, JournalKind.HELPER_ASKED, data=OfHelper(helper.id)) for helper in step.ask]
    return entries + [Entry(event.pk, JournalKind.HELPER_RELEASED, data=OfHelper(helper.id)) for helper in step.release]


def _change(event: SosEvent, helper: Helper, **changes: object) -> None:
    event.alerts.filter(helper_id=helper.id).update(**changes)
