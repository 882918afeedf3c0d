"""One helper covers one emergency, and calls a place unsafe only where they are."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from apps.notifications.models import Notification
from apps.sos import claims
from apps.sos.kinds import COMING
from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.opening import open_event
from apps.users.models import User
from mdd_backend.database.clock import now
from tests.conftest import HERE, METRES_NORTH
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
FAR = {"lat": HERE[0] + 180_000 * METRES_NORTH, "lon": HERE[1]}


def call(helper: User, event: SosEvent, status: str = "NOTIFIED") -> None:
    fields = {"wave": 1, "created_at": now(), "rung_at": now(), "distance_m": 100, "area_distance_m": 100}
    HelperAlert.objects.create(event=event, helper=helper, status=status, **fields)
    if status in COMING:
        assert claims.comes(event, helper.pk)
    else:
        claims.claim(event, [helper.pk], 1)


def events(wearer: User, person: Any) -> tuple[SosEvent, SosEvent]:
    """Two emergencies of two people at one place."""
    place = {"lat": HERE[0], "lon": HERE[1]}
    return open_event(wearer, place).event, open_event(person(), place).event


@pytest.fixture
def two(wearer: User, person: Any) -> tuple[SosEvent, SosEvent]:
    return events(wearer, person)


def respond(client: Any, event: SosEvent, status: str) -> Any:
    return client.post(f"/api/v1/sos/{event.uid}/respond/", {"status": status}, format="json")


@pytest.mark.parametrize("before", ["NOTIFIED", "WITHDRAWN", "DECLINED", "STOOD_DOWN", "ASSIGNED"])
@pytest.mark.parametrize("there", ["ACCEPTED", "EN_ROUTE", "ON_SCENE"])
def test_who_comes_to_one_event_cannot_accept_another(
    two: Any, helper: Any, client_of: Any, before: str, there: str
) -> None:
    hero = helper(100)
    call(hero, two[0], there)
    call(hero, two[1], before)
    refused = respond(client_of(hero), two[1], "ACCEPTED")
    assert (refused.status_code, refused.json()) == (
        409,
        {
            "detail": "The helper is on the way to another event.",
            "code": "conflict",
            "event_status": "NEW",
            "status": before,
        },
    )
    assert HelperAlert.objects.get(event=two[1]).status == before


@pytest.mark.parametrize("how", [{}, {"confirmed_by": "phone"}])
def test_who_comes_to_one_event_cannot_be_sent_to_another(
    two: Any, helper: Any, client_of: Any, dispatcher: User, how: dict[str, str]
) -> None:
    hero = helper(100)
    call(hero, two[0], "ACCEPTED")
    url = f"/api/v1/sos/{two[1].uid}/assign/"
    assert client_of(dispatcher).post(url, {"helper": str(hero.uuid), **how}, format="json").status_code == 409
    assert not HelperAlert.objects.filter(event=two[1]).exists()


def test_who_is_free_again_may_accept(two: Any, helper: Any, client_of: Any) -> None:
    hero = helper(100)
    call(hero, two[0], "ON_SCENE")
    call(hero, two[1])
    respond(client_of(hero), two[0], "DONE")
    assert respond(client_of(hero), two[1], "ACCEPTED").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_forty_acceptances_of_two_events_at_once_leave_one(
    wearer: User, person: Any, helper: Any, client_of: Any
) -> None:
    two, hero = events(wearer, person), helper(100)
    for event in two:
        call(hero, event, "WITHDRAWN")
    client = client_of(hero)

    def accept(number: int) -> int:
        try:
            return int(respond(client, two[number % 2], "ACCEPTED").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(accept, range(40)))
    assert sorted(codes) == [200] * 20 + [409] * 20, "the one that was accepted may be accepted again and again"
    assert HelperAlert.objects.filter(status__in=COMING).count() == 1


def unsafe(course: Course, helper: User, **where: float) -> Any:
    course.console()
    course.press()
    course.step()
    course.answer(helper, "ACCEPTED")
    return course.answer(helper, "UNSAFE", **where)


def test_unsafe_from_another_town_ends_no_calling(course: Course) -> None:
    liar, other, further = course.helper(100), course.helper(200), course.helper(2500)
    assert unsafe(course, liar, **FAR).status_code == 200
    event = course.event
    assert (event.halted, event.status) == ("", "NEW")
    assert event.unsafe_reported_at is not None
    alarm = Notification.objects.filter(user=course.dispatcher, kind="DISPATCHER_ALARM").latest("pk")
    assert alarm.data["reason"] == "REPORTED_UNSAFE"
    course.step()
    assert further.pk in course.called()
    data = Notification.objects.filter(user=further, kind="SOS_ALERT").latest("pk").data
    assert data["reported_unsafe"] == "1"
    seen = course.client_of(other).get(f"/api/v1/sos/{event.uid}/").json()
    assert seen["unsafe_reported_at"] is not None
    assert course.answer(liar, "ACCEPTED").status_code == 409


def test_unsafe_on_a_position_that_is_old_ends_no_calling(course: Course) -> None:
    helper = course.helper(100)
    course.helper(200)
    from_long_ago = now().replace(year=now().year - 1)
    course.press()
    course.step()
    course.answer(helper, "ACCEPTED")
    type(helper.helper_position).objects.filter(user=helper).update(recorded_at=from_long_ago)
    course.answer(helper, "UNSAFE")
    assert course.event.halted == ""


def test_unsafe_said_on_the_spot_halts(course: Course) -> None:
    helper, other = course.helper(1000), course.helper(1200)
    unsafe(course, helper, lat=HERE[0], lon=HERE[1])
    assert (course.event.halted, course.status(other)) == ("UNSAFE", "STOOD_DOWN")


def test_push_of_an_event_that_nobody_called_unsafe_says_nothing_of_it(course: Course) -> None:
    helper = course.helper(100)
    course.press()
    course.step()
    assert "reported_unsafe" not in Notification.objects.get(user=helper).data
