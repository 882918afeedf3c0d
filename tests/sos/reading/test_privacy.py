"""What a wearer learns of those who come, and a helper of the wearer: no more than their part in it needs."""

import math
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.gis.geos import Point
from django.db.models.functions import Now
from django.test import Client

from apps.devices.models import HelperPosition
from apps.devices.rules.registry import register_device, see_helper
from apps.notifications.models import Notification
from apps.sos.models import HelperAlert
from apps.sos.queries.live import live_url
from apps.sos.queries.privacy import CELL_M, cell_of, metres_shown
from apps.users.models import EmergencyContact, User
from tests.conftest import HERE, METRES_NORTH
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
Place = tuple[float, float]


def moved(place: Place, north_m: float, east_m: float) -> Place:
    lat, lon = place
    return lat + north_m * METRES_NORTH, lon + east_m * METRES_NORTH / math.cos(math.radians(lat))


def seen(course: Course, viewer: User) -> Any:
    """The newest event, as somebody is shown it."""
    answer = course.client_of(viewer).get(f"/api/v1/sos/{course.event.uid}/")
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def coming(course: Course) -> User:
    """A helper who has accepted, 437 m away."""
    helper = course.helper(437)
    course.press()
    course.step()
    assert course.answer(helper, "ACCEPTED").status_code == 200
    return helper


class Readings:
    """All that an attacker may read: as the wearer, on the watch, and as the emergency contact they have named."""

    def __init__(self, course: Course) -> None:
        contact = EmergencyContact.objects.create(
            owner=course.wearer, name="Mother", phone_number="+998931234567", language="en"
        )
        self._course, self._client = course, course.client_of(course.wearer)
        self._page = live_url(course.event.uid, contact.pk).removeprefix(settings.PUBLIC_URL)

    def take(self) -> tuple[str, ...]:
        detail = self._client.get(f"/api/v1/sos/{self._course.event.uid}/").json()
        (listed,) = self._client.get("/api/v1/sos/").json()["results"]
        (current,) = self._client.get("/api/v1/sos/current/").json()["events"]
        timeline = self._client.get(f"/api/v1/sos/{self._course.event.uid}/timeline/").json()["results"]
        page = re.findall(r"nearest about (\d+)\sm away", Client().get(self._page).content.decode())
        helpers = [{**one, "seen_at": None} for shown in (detail, listed) for one in shown["helpers"]]
        return (*map(str, helpers), str(current["nearest_m"]), str([entry["data"] for entry in timeline]), *page)


def test_distance_is_rough_for_the_wearer_and_exact_for_dispatchers(course: Course, coming: User) -> None:
    rough = metres_shown(Point(HERE[1], HERE[0]), Point(HERE[1], HERE[0] + 437 * METRES_NORTH))
    assert rough == 400
    (helper,) = seen(course, course.wearer)["helpers"]
    assert (helper["distance_m"], helper["distance_now_m"]) == (None, rough)
    (exact,) = seen(course, course.dispatcher)["helpers"]
    assert (exact["distance_m"], exact["distance_now_m"]) == (pytest.approx(437, abs=3), pytest.approx(437, abs=3))
    assert exact.keys() == helper.keys()
    assert seen(course, coming)["helpers"] is None


def test_one_rule_gives_the_distance_everywhere(course: Course, coming: User) -> None:
    see_helper(coming, *moved(HERE, 1000, 1000))
    rough = metres_shown(Point(HERE[1], HERE[0]), Point(*reversed(moved(HERE, 1000, 1000))))
    *_, page = readings = Readings(course).take()
    assert str(readings).count(f"'distance_now_m': {rough}") == 2
    assert page == str(rough)
    assert course.client_of(course.wearer).get("/api/v1/sos/current/").json()["events"][0]["nearest_m"] == rough


def test_helper_whose_place_is_not_known_is_at_no_distance(course: Course, coming: User) -> None:
    coming.helper_position.delete()
    assert seen(course, course.wearer)["helpers"][0]["distance_now_m"] is None
    assert course.client_of(course.wearer).get("/api/v1/sos/current/").json()["events"][0]["nearest_m"] is None


def walk_around(centre: Place) -> Iterable[Place]:
    """Rings about a place, and small steps across it."""
    for far in (160, 700):
        for bearing in (0.5, 1.5, 2.5, 3.5):
            yield moved(centre, far * math.cos(bearing), far * math.sin(bearing))
    for n in range(-1, 2):
        yield moved(centre, 17 * n, 23 * n)


def test_whoever_walks_an_event_around_a_helper_learns_their_cell_and_no_more(course: Course, coming: User) -> None:
    cell = cell_of(HERE[0] + 437 * METRES_NORTH, HERE[1])
    edge = 0.49 * CELL_M
    spots = [cell, *(moved(cell, north, east) for north in (-edge, edge) for east in (-edge, edge))]
    assert {cell_of(*spot) for spot in spots} == {cell}
    readings = Readings(course)
    rough: set[int] = set()
    exact: set[int] = set()
    for lat, lon in walk_around(spots[1]):
        course.press(lat=lat, lon=lon)
        assert (course.event.lat, course.event.lon) == (lat, lon)
        taken: set[tuple[str, ...]] = set()
        for spot in spots:
            see_helper(coming, *spot)
            taken.add(readings.take())
            exact.add(seen(course, course.dispatcher)["helpers"][0]["distance_now_m"])
        assert len(taken) == 1  # wherever in the cell the helper is, everything reads alike
        rough.add(seen(course, course.wearer)["helpers"][0]["distance_now_m"])
    assert len(rough) > 3  # the walk does tell something: which cell it is
    assert len(exact) > 40  # to the metre it would tell the place
    assert all(far % 100 == 0 for far in rough)


@pytest.fixture
def phones(course: Course) -> Any:
    """What a helper and the wearer know of each other's phone number."""

    def known(helper: User) -> tuple[bool, bool]:
        to_wearer = [
            course.client_of(course.wearer).get(f"/api/v1/sos/{course.event.uid}/{what}").content.decode()
            for what in ("", "timeline/", "looks/")
        ]
        to_wearer.append(course.client_of(course.wearer).get("/api/v1/sos/").content.decode())
        shown = course.client_of(helper).get(f"/api/v1/sos/{course.event.uid}/").content.decode()
        return any(str(helper.phone_number) in text for text in to_wearer), str(course.wearer.phone_number) in shown

    return known


def test_phone_numbers_are_known_while_a_helper_is_coming(course: Course, phones: Any) -> None:
    helper = course.helper(300)
    course.press()
    course.step()
    assert phones(helper) == (False, False)
    for status in ("ACCEPTED", "EN_ROUTE", "ON_SCENE"):
        assert course.answer(helper, status).status_code == 200
        assert phones(helper) == (True, True), status
    assert "wearer" not in course.answer(helper, "DONE").json()
    assert phones(helper) == (False, False)


@pytest.mark.parametrize("left", ["WITHDRAWN", "UNSAFE"])
def test_phone_numbers_are_forgotten_when_a_helper_leaves(course: Course, coming: User, phones: Any, left: str) -> None:
    assert phones(coming) == (True, True)
    assert "wearer" not in course.answer(coming, left).json()
    assert phones(coming) == (False, False)


def test_phone_numbers_are_forgotten_when_the_event_is_closed(course: Course, coming: User, phones: Any) -> None:
    course.desk("resolve", outcome="HELPED")
    assert phones(coming) == (False, False)
    HelperAlert.objects.update(status="ACCEPTED")  # whatever the alert says
    assert phones(coming) == (False, False)


def test_sent_helper_and_wearer_know_no_number_before_the_helper_accepts(course: Course, phones: Any) -> None:
    helper = course.helper(40_000)
    course.press()
    assert course.desk("assign", helper=str(helper.uuid)).status_code == 200
    assert phones(helper) == (False, False)
    assert course.answer(helper, "ACCEPTED").json()["wearer"]["phone_number"] == str(course.wearer.phone_number)
    assert phones(helper) == (True, True)


def test_dispatcher_has_the_numbers_of_all_who_were_called(course: Course) -> None:
    helper = course.helper(300)
    course.press()
    course.step()
    course.answer(helper, "DECLINED")
    assert [one["phone_number"] for one in seen(course, course.dispatcher)["helpers"]] == [str(helper.phone_number)]


AREA = ("area", "position_at", "location_source", "location_age_s", "unsafe_reported_at")
"""What tells where an event is, and when it moved."""
PLACE = ("lat", "lon", "altitude", "accuracy_m", "wearer", "owner", "device")


def test_helper_who_declined_sees_nothing_of_the_area_also_when_the_event_moves(course: Course) -> None:
    helper = course.helper(300)
    course.press()
    course.step()
    called = seen(course, helper)
    assert called["area"]["size_m"] == CELL_M
    assert called["alert"]["distance_m"] % 100 == 0
    assert set(course.answer(helper, "DECLINED").json()) == {"event_uid", "status", "event_status"}

    declined = seen(course, helper)
    assert {declined[name] for name in (*AREA, *PLACE, "helpers")} == {None}
    assert (declined["alert"]["status"], declined["alert"]["distance_m"]) == ("DECLINED", None)
    assert declined["alert"].keys() == called["alert"].keys()
    told = Notification.objects.filter(user=helper).count()
    course.press(lat=HERE[0] + 0.05)
    course.step()
    assert seen(course, helper) == declined
    (listed,) = course.client_of(helper).get("/api/v1/sos/").json()["results"]
    assert {listed[name] for name in (*AREA, *PLACE)} == {None}
    assert listed["alert"]["distance_m"] is None
    assert Notification.objects.filter(user=helper).count() == told


def test_helper_who_declined_and_comes_after_all_sees_the_place(course: Course) -> None:
    helper = course.helper(300)
    course.press()
    course.step()
    course.answer(helper, "DECLINED")
    assert course.answer(helper, "ACCEPTED").json()["lat"] == HERE[0]
    shown = seen(course, helper)
    assert (shown["lat"], shown["area"]["size_m"]) == (HERE[0], CELL_M)
    assert shown["alert"]["distance_m"] is not None


def test_dispatcher_and_wearer_see_the_place_whoever_declined(course: Course) -> None:
    helper = course.helper(300)
    course.press()
    course.step()
    course.answer(helper, "DECLINED")
    for viewer in (course.wearer, course.dispatcher):
        assert seen(course, viewer)["lat"] == HERE[0]
    (called,) = seen(course, course.dispatcher)["helpers"]
    assert called["distance_m"] == pytest.approx(300, abs=3)


NOTES = {"medical_note": "Diabetes.", "address_note": "Code 15."}
EMPTY = dict.fromkeys(NOTES, "")
WATCH = "watch_unique_serial_001"


@pytest.fixture
def noted(course: Course) -> User:
    """A helper who has accepted from 1.3 km away; the wearer's watch has notes for helpers."""
    register_device(course.wearer, WATCH, **NOTES)
    helper = course.helper(1300)
    course.press(device_uid=WATCH)
    course.step()
    assert course.answer(helper, "ACCEPTED").status_code == 200
    return helper


def notes(course: Course, viewer: User) -> Any:
    """The notes as somebody is shown them, of one event and in the list alike."""
    (listed,) = course.client_of(viewer).get("/api/v1/sos/").json()["results"]
    shown, in_list = seen(course, viewer)["device"], listed["device"]
    assert in_list == shown
    return shown and {name: shown[name] for name in NOTES}


def test_helper_reads_the_notes_when_close(course: Course, noted: User) -> None:
    assert notes(course, noted) == EMPTY
    assert seen(course, noted)["device"].keys() == seen(course, course.dispatcher)["device"].keys()
    for metres, read in ((1020, EMPTY), (980, NOTES), (0, NOTES), (1020, EMPTY)):
        see_helper(noted, *moved(HERE, metres, 0))
        assert notes(course, noted) == read, metres


def test_old_position_is_no_proof_of_being_close(course: Course, noted: User) -> None:
    see_helper(noted, *moved(HERE, 50, 0))
    for seconds, read in ((110, NOTES), (130, EMPTY)):
        HelperPosition.objects.filter(user=noted).update(recorded_at=Now() - timedelta(seconds=seconds))
        assert notes(course, noted) == read, seconds
    HelperPosition.objects.filter(user=noted).delete()
    assert notes(course, noted) == EMPTY


def test_helper_on_the_scene_reads_the_notes_wherever_their_phone_was_seen(course: Course, noted: User) -> None:
    course.answer(noted, "EN_ROUTE")
    assert notes(course, noted) == EMPTY
    course.answer(noted, "ON_SCENE")
    assert notes(course, noted) == NOTES
    course.answer(noted, "DONE")
    assert notes(course, noted) is None


def test_called_helper_next_door_reads_no_notes_before_accepting(course: Course) -> None:
    register_device(course.wearer, WATCH, **NOTES)
    helper = course.helper(20)
    course.press(device_uid=WATCH)
    course.step()
    assert notes(course, helper) is None
    course.answer(helper, "ACCEPTED")
    assert notes(course, helper) == NOTES
    course.desk("resolve", outcome="HELPED")
    assert notes(course, helper) is None


def test_wearer_and_dispatchers_always_read_the_notes(course: Course, noted: User) -> None:
    assert [notes(course, viewer) for viewer in (course.wearer, course.dispatcher)] == [NOTES] * 2
    course.desk("resolve", outcome="HELPED")
    assert [notes(course, viewer) for viewer in (course.wearer, course.dispatcher)] == [NOTES] * 2


def test_helper_of_an_event_without_a_device_is_shown_none(course: Course, coming: User) -> None:
    assert seen(course, coming)["device"] is None
