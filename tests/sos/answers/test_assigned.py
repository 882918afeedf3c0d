"""A helper whom a dispatcher sends: rung, shown as sent, and counted as coming only once somebody has said so."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from apps.notifications.models import Notification
from apps.sos.journal.response_times import response_times
from apps.sos.models import HelperAlert, JournalEntry
from apps.users.models import User
from mdd_backend.database.clock import now
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db


@pytest.fixture
def near(course: Course, settings: Any) -> list[User]:
    """Three helpers, called."""
    settings.SMS_TRANSPORT = "console"
    people = [course.helper(100 + n) for n in range(3)]
    course.console()
    course.press()
    course.step()
    return people


@pytest.fixture
def far(course: Course, near: list[User]) -> User:
    """A helper 40 km away, sent by the dispatcher."""
    helper = course.helper(40_000)
    assert send(course, helper).status_code == 200
    return helper


def send(course: Course, helper: User, **how: str) -> Any:
    return course.desk("assign", helper=str(helper.uuid), **how)


def a_minute_passes() -> None:
    HelperAlert.objects.update(rung_at=F("rung_at") - timedelta(seconds=61))


def test_who_was_sent_is_shown_as_sent_and_nobody_as_coming(far: User, near: list[User], course: Course) -> None:
    shown = next(one for one in detail(course) if one["uuid"] == str(far.uuid))
    assert (shown["status"], shown["wave"], shown["accepted_at"]) == ("ASSIGNED", 0, None)
    assert shown["distance_m"] == pytest.approx(40_000, rel=0.01)
    assert course.event.status == "NEW"
    assert "HELP_COMING" not in course.told(course.wearer)
    assert {course.status(user) for user in near} == {"NOTIFIED"}, "nobody is sent home for a yes that nobody said"


def detail(course: Course) -> Any:
    return course.client_of(course.dispatcher).get(f"/api/v1/sos/{course.event.uid}/").json()["helpers"]


def test_who_was_sent_sees_the_area_only(far: User, course: Course) -> None:
    seen = course.client_of(far).get(f"/api/v1/sos/{course.event.uid}/").json()
    assert (seen["lat"], seen["wearer"], seen["device"]) == (None, None, None)
    assert seen["area"] is not None
    assert seen["alert"]["status"] == "ASSIGNED"
    assert course.answer(far, "EN_ROUTE").status_code == 409


def test_who_was_sent_is_rung_by_push_and_text_message_at_once(far: User, course: Course) -> None:
    told = Notification.objects.filter(user=far, kind="ASSIGNED")
    assert set(told.values_list("channel", flat=True)) == {"FCM", "SMS"}
    assert all(one.due_at <= now() for one in told)
    data = told.get(channel="FCM").data
    assert data["text_key"] == "assigned"
    assert int(data["distance_m"]) == pytest.approx(40_000, rel=0.01)
    assert {"area_lat", "area_lon", "area_size_m", "position_at"} <= data.keys()


def test_their_own_yes_makes_them_come(far: User, course: Course) -> None:
    answer = course.answer(far, "ACCEPTED").json()
    assert (answer["status"], answer["lat"]) == ("ACCEPTED", course.event.lat)
    assert (course.event.status, course.told(course.wearer)[-1]) == ("IN_PROGRESS", "HELP_COMING")


@pytest.mark.parametrize("is_sent_before", [True, False])
def test_their_yes_on_the_phone_makes_them_come(near: list[User], course: Course, is_sent_before: bool) -> None:
    if is_sent_before:
        send(course, near[0])
    assert send(course, near[0], confirmed_by="phone").json()["status"] == "ACCEPTED"
    assert course.event.status == "IN_PROGRESS"
    entry = JournalEntry.objects.get(event=course.event, kind="HELPER_ACCEPTED")
    assert entry.actor_id == course.dispatcher.pk
    assert entry.data == {"helper": near[0].pk, "confirmed_by": "phone"}
    assert course.kinds().count("HELPER_ASSIGNED") == 1


def test_unknown_way_of_confirming_names_the_field(near: list[User], course: Course) -> None:
    answer = send(course, near[0], confirmed_by="telepathy")
    assert (answer.status_code, "confirmed_by" in answer.json()) == (400, True)


def test_sending_again_within_a_minute_changes_nothing_and_then_rings_again(near: list[User], course: Course) -> None:
    for _ in range(2):
        assert send(course, near[0]).json()["status"] == "ASSIGNED"
    assert course.kinds().count("HELPER_ASSIGNED") == 1
    assert Notification.objects.filter(user=near[0], kind="ASSIGNED", channel="FCM").count() == 1
    a_minute_passes()
    send(course, near[0])
    assert course.kinds().count("HELPER_ASSIGNED") == 2
    assert Notification.objects.filter(user=near[0], kind="ASSIGNED", channel="FCM").count() == 2


def test_who_was_sent_covers_for_a_minute_only(near: list[User], course: Course) -> None:
    course.answer(near[0], "ACCEPTED")
    send(course, near[1])
    further = course.helper(2500)
    course.wave()
    assert further.pk not in course.called(), "one has accepted, one is expected to: that would be enough"
    assert course.event.next_step_at <= now() + timedelta(seconds=60), "and is looked at again then"
    a_minute_passes()
    course.step()
    assert further.pk in course.called()


def test_a_yes_is_not_refused_for_somebody_who_has_said_nothing(near: list[User], course: Course) -> None:
    course.answer(near[0], "ACCEPTED")
    send(course, near[1])
    assert course.answer(near[2], "ACCEPTED").status_code == 200


def test_who_was_sent_may_come_beyond_those_who_are_enough(near: list[User], course: Course) -> None:
    for user in near[:2]:
        course.answer(user, "ACCEPTED")
    send(course, near[2])
    assert course.answer(near[2], "ACCEPTED").status_code == 200
    assert course.event.coming().count() == 3


def test_acknowledged_event_alarms_again_when_nobody_confirms(near: list[User], course: Course) -> None:
    send(course, near[0])
    past = now() - timedelta(seconds=181)
    type(course.event).objects.update(acknowledged_at=past)
    course.step()
    assert course.kinds()[-1] == "DISPATCHERS_ALARMED"


def test_who_was_sent_and_will_not_go_says_so(far: User, course: Course) -> None:
    assert course.answer(far, "DECLINED").json()["status"] == "DECLINED"


def test_report_counts_a_yes_and_no_assignment(far: User, course: Course) -> None:
    today = now().date()
    assert response_times(today, today, "UTC")["total"]["steps"]["first_accept"]["count"] == 0
    course.answer(far, "ACCEPTED")
    assert response_times(today, today, "UTC")["total"]["steps"]["first_accept"]["count"] == 1


def test_closing_sends_home_whom_a_dispatcher_had_sent(far: User, course: Course) -> None:
    course.desk("resolve", outcome="HELPED")
    assert course.status(far) == "STOOD_DOWN"
    assert course.told(far)[-1] == "STAND_DOWN"
