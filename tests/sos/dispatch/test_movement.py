"""Helpers who said that they come, and whether they do."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.devices.models import HelperPosition
from apps.devices.rules.registry import point
from apps.sos.models import HelperAlert
from apps.sos.queries.gather import facts_of
from apps.users.models import Look, User
from apps.users.rules import looks
from tests.conftest import HERE, METRES_NORTH
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db


@pytest.fixture
def coming(course: Course) -> User:
    """A helper 1 km away has accepted, and another could be called."""
    helper = course.helper(1000)
    course.console()
    course.press()
    course.step()
    course.answer(helper, "ACCEPTED")
    return helper


def accepted_ago(helper: User, seconds: float) -> datetime:
    since = timezone.now() - timedelta(seconds=seconds)
    HelperAlert.objects.filter(helper=helper).update(accepted_at=since, progress_at=since)
    return since


def seen(helper: User, metres: float, seconds_ago: float = 0) -> None:
    place = point(HERE[0] + metres * METRES_NORTH, HERE[1])
    at = timezone.now() - timedelta(seconds=seconds_ago)
    HelperPosition.objects.filter(user=helper).update(position=place, recorded_at=at)


def test_who_stands_still_is_asked_and_another_is_called(coming: User, course: Course) -> None:
    other = course.helper(1200)
    accepted_ago(coming, 181)
    seen(coming, 990)
    course.step()
    assert "STILL_COMING" in course.told(coming)
    assert (course.status(coming), other.pk in course.called()) == ("ACCEPTED", True)


def test_who_says_that_they_still_come_is_relied_on_again(coming: User, course: Course) -> None:
    accepted_ago(coming, 181)
    seen(coming, 990)
    course.step()
    assert facts_of(course.event).cover.counted == ()
    assert course.answer(coming, "ACCEPTED").status_code == 200
    assert facts_of(course.event).cover.counted == ("ACCEPTED",)


def test_who_goes_on_standing_still_is_released(coming: User, course: Course) -> None:
    accepted_ago(coming, 181)
    seen(coming, 990)
    course.step()
    accepted_ago(coming, 301)
    seen(coming, 990)
    course.step()
    assert (course.status(coming), course.event.status) == ("WITHDRAWN", "NEW")
    assert course.told(coming)[-1] == "RELEASED"
    assert course.answer(coming, "ACCEPTED").status_code == 200, "they may come after all"


@pytest.mark.parametrize(
    ("metres", "seconds_ago", "why"),
    [
        (900, 0, "has come nearer"),
        (80, 0, "is as good as there"),
        (990, 150, "was last seen before we would know"),
        (990, 400, "has not been seen since"),
    ],
)
def test_who_may_be_on_the_way_is_left_in_peace(
    coming: User, course: Course, metres: float, seconds_ago: float, why: str
) -> None:
    accepted_ago(coming, 301)
    seen(coming, metres, seconds_ago)
    course.step()
    assert course.told(coming) == ["SOS_ALERT"], why
    assert course.status(coming) == "ACCEPTED"


def test_place_told_with_an_answer_counts(coming: User, course: Course) -> None:
    where: dict[str, Any] = {"lat": HERE[0] + 700 * METRES_NORTH, "lon": HERE[1]}
    assert course.answer(coming, "EN_ROUTE", **where).status_code == 200
    alert = HelperAlert.objects.get(helper=coming)
    assert alert.progress_m == pytest.approx(700, abs=3)


@pytest.mark.parametrize(
    ("where", "field"),
    [({"lat": 41.0}, "lon"), ({"lon": 69.0}, "lat"), ({"lat": 91, "lon": 0}, "lat"), ({"lat": "x", "lon": 0}, "lat")],
)
def test_half_a_place_is_refused_by_name(coming: User, course: Course, where: dict[str, Any], field: str) -> None:
    answer = course.answer(coming, "EN_ROUTE", **where)
    assert (answer.status_code, field in answer.json()) == (400, True)
    assert course.status(coming) == "ACCEPTED"


def test_every_look_at_the_place_is_kept(coming: User, course: Course, client_of: Any) -> None:
    def seen_by() -> list[int]:
        looks.flush()
        return list(Look.objects.filter(person=course.wearer).order_by("pk").values_list("viewer", flat=True))

    event = course.event
    assert seen_by() == [coming.pk], "the answer told them the place"
    for viewer in (coming, course.dispatcher, course.wearer):
        client_of(viewer).get(f"/api/v1/sos/{event.uid}/")
    client_of(course.dispatcher).get("/api/v1/sos/")
    called = course.helper(900)
    course.desk("call-next-wave")
    client_of(called).get(f"/api/v1/sos/{event.uid}/")
    assert seen_by() == [coming.pk, course.dispatcher.pk], "an hour's looks are one"
