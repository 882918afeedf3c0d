"""Least knowledge: who may see what of an event. Nothing here is about how it is written on the wire."""

import math
from datetime import timedelta
from enum import Enum
from typing import Any

from django.contrib.gis.geos import Point
from django.utils import timezone

from apps.users.models import User

from ..kinds import COMING, AlertStatus
from ..models import HelperAlert, SosEvent

CELL_M = 300
NOTES_WITHIN_M = 1000
STEP_M = 100
CURRENT_FOR = timedelta(hours=1)
METRES_PER_DEGREE = 111_320.0  # of latitude, WGS 84 mean
EARTH_RADIUS_M = 6_371_008.8  # mean


class Sight(Enum):
    """How much of an event somebody may see."""

    ALL = "the wearer, and dispatchers while it is current or for a reason: everything"
    DESK = "dispatchers, later: everything but the place, notes and contacts"
    EXACT = "who has accepted, while it is open: the place and the person"
    AREA = "who has been called, while it is open: the area"
    PAST = "who has been called, once it is closed or they have declined: that it was"


def sight_of(event: SosEvent, viewer: User, alert: HelperAlert | None) -> Sight:
    """What `viewer`, called by `alert` if at all, may see of an event that exists for them (`events_known_to`)."""
    if event.user_id == viewer.pk:
        return Sight.ALL
    if viewer.is_dispatcher:
        return Sight.ALL if is_current(event) or viewer.look_reason else Sight.DESK
    if alert is None or not event.is_open or alert.status == AlertStatus.DECLINED:
        return Sight.PAST
    return Sight.EXACT if know_each_other(event, alert) else Sight.AREA


def is_current(event: SosEvent) -> bool:
    """It is open, or was closed within the hour: dispatchers look at it without saying why."""
    return event.closed_at is None or event.closed_at > timezone.now() - CURRENT_FOR


def know_each_other(event: SosEvent, alert: HelperAlert) -> bool:
    """Whether a called helper and the wearer learn each other's name and phone number: only while the helper comes."""
    return event.is_open and alert.status in COMING


def sees_notes(event: SosEvent, viewer: User, alert: Any) -> bool:
    """Whether `viewer` may read the medical and the address note: the wearer, dispatchers, and a helper who is close.

    A helper is close who comes and has said that they are there, or was seen within 1 km of the event less than 120 s
    ago. `alert` must have been read with `distance_now` and `is_seen_lately` (`queries.events.with_people`).
    """
    sight = sight_of(event, viewer, alert)
    if sight != Sight.EXACT:
        return sight == Sight.ALL
    is_near = alert.distance_now is not None and alert.distance_now.m <= NOTES_WITHIN_M
    return bool(alert.status == AlertStatus.ON_SCENE or (alert.is_seen_lately and is_near))


def cell_of(lat: float, lon: float) -> tuple[float, float]:
    """The centre (lat, lon) of the fixed grid cell of about 300 m that holds a place."""
    high = CELL_M / METRES_PER_DEGREE
    row = math.floor(lat / high)
    centre = (row + 0.5) * high
    wide = high / max(0.01, math.cos(math.radians(centre)))
    return round(centre, 6), round((math.floor(lon / wide) + 0.5) * wide, 6)


def coarse(distance_m: float) -> int:
    """Metres in steps of 100, at least 100."""
    return max(STEP_M, round(distance_m / STEP_M) * STEP_M)


def metres_shown(place: Point | None, helper: Point | None) -> int | None:
    """How far from an event's place a helper is, as the wearer and their contacts are shown it, in steps of 100 m.

    It is measured to the centre of the helper's grid cell: a wearer can move the event and read the distance again and
    again, and so tell the cell, but not where in it the helper is. None when one of the places is not known.
    """
    return coarse(_metres_between((place.y, place.x), cell_of(helper.y, helper.x))) if place and helper else None


def _metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance between two (lat, lon), by the haversine formula."""
    (lat, lon), (other_lat, other_lon) = (map(math.radians, pair) for pair in (one, other))
    half_chord = math.sin((other_lat - lat) / 2) ** 2
    half_chord += math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half_chord)))
