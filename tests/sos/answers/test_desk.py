"""What dispatchers do about an event, and what comes of it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from apps.notifications.models import Notification
from apps.sos.models import EventNote, HelperAlert, JournalEntry, SosEvent
from apps.users.models import Status, User
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db


@pytest.fixture
def near(course: Course) -> list[User]:
    """Three helpers, called."""
    people = [course.helper(100 + n) for n in range(3)]
    course.console()
    course.press()
    course.step()
    return people


def test_acknowledging_names_who_looks_after_it(near: Any, course: Course) -> None:
    answer = course.desk("acknowledge").json()
    assert answer["acknowledged_at"]
    event = course.event
    assert (event.acknowledged_by, event.status) == (course.dispatcher, "NEW")


def test_who_cannot_be_sent_is_refused_by_name(near: Any, course: Course, person: Any) -> None:
    banned = course.helper(300, status=Status.BANNED)
    for uuid in (uuid4(), person().uuid, banned.uuid, course.wearer.uuid, "x", None, 5):
        answer = course.desk("assign", helper=uuid if uuid is None or isinstance(uuid, int) else str(uuid))
        assert (answer.status_code, "helper" in answer.json()) == (400, True), uuid


def test_helper_on_the_way_to_somebody_else_is_a_conflict(near: list[User], course: Course, person: Any) -> None:
    course.answer(near[0], "ACCEPTED")
    course.wearer = person()
    course.press(lat=41.4)
    answer = course.desk("assign", helper=str(near[0].uuid))
    assert (answer.status_code, answer.json()["detail"]) == (409, "The helper is on the way to another event.")
    assert not HelperAlert.objects.filter(event=course.event).exists()


def test_next_wave_goes_out_whoever_is_coming(near: list[User], course: Course) -> None:
    course.answer(near[0], "ACCEPTED")
    course.answer(near[0], "EN_ROUTE")
    further = course.helper(2500)
    answer = course.desk("call-next-wave")
    assert (answer.status_code, answer.json()["waves_called"]) == (200, 2)
    assert further.pk in course.called()
    entry = JournalEntry.objects.filter(kind="WAVE_CALLED").latest("position")
    assert entry.actor_id == course.dispatcher.pk


def test_note_is_kept_and_only_dispatchers_read_it(near: list[User], course: Course, client_of: Any) -> None:
    answer = course.desk("note", text="The door is open.")
    assert (answer.status_code, answer.json()["text"]) == (201, "The door is open.")
    assert EventNote.objects.get().author == course.dispatcher
    url = f"/api/v1/sos/{course.event.uid}/"
    assert client_of(course.dispatcher).get(url).json()["notes"][0]["author"] == course.dispatcher.full_name
    assert client_of(course.wearer).get(url).json()["notes"] is None
    assert "door" not in str(JournalEntry.objects.values_list("data", flat=True))


def test_note_silences_no_alarm(near: Any, course: Course) -> None:
    before = course.event.next_step_at
    course.desk("note", text="No answer on the phone.")
    assert (course.event.acknowledged_at, course.event.acknowledged_by) == (None, None)
    assert course.event.next_step_at == before


@pytest.mark.parametrize("text", ["", "   ", None, 5, "x" * 2001, ["a"]])
def test_note_that_is_none_is_refused(near: Any, course: Course, text: Any) -> None:
    answer = course.desk("note", text=text)
    assert (answer.status_code, "text" in answer.json()) == (400, True)


@pytest.mark.parametrize("to", ["101", "102", "103", "112"])
def test_handing_over_leaves_the_event_open(near: Any, course: Course, to: str) -> None:
    answer = course.desk("handover", to=to).json()
    assert (answer["handed_over_to"], answer["event_status"]) == (to, "NEW")


@pytest.mark.parametrize("to", ["911", 1.5, None, ""])
def test_unknown_service_is_refused(near: Any, course: Course, to: Any) -> None:
    answer = course.desk("handover", to=to)
    assert (answer.status_code, "to" in answer.json()) == (400, True)


def test_closing_tells_everybody_once(near: list[User], course: Course) -> None:
    Notification.objects.update(state="SENT")
    course.answer(near[0], "ACCEPTED")
    answer = course.desk("resolve", outcome="HANDED_OVER", note="103 took her.")
    assert (answer.json()["outcome"], EventNote.objects.get().text) == ("HANDED_OVER", "103 took her.")
    assert course.told(course.wearer)[-1] == "ALL_CLEAR"
    for user in near:
        assert course.told(user).count("STAND_DOWN") == 1
    assert {course.status(user) for user in near} == {"STOOD_DOWN"}


def test_who_is_there_when_it_closes_has_helped(near: list[User], course: Course) -> None:
    for status in ("ACCEPTED", "ON_SCENE"):
        course.answer(near[0], status)
    course.desk("resolve", outcome="HELPED")
    assert course.status(near[0]) == "DONE"


def test_reopened_event_calls_again_who_was_stood_down(near: list[User], course: Course) -> None:
    course.desk("resolve", outcome="FALSE_ALARM")
    HelperAlert.objects.update(rung_at="2020-01-01T00:00:00Z")
    answer = course.desk("reopen").json()
    assert (answer["event_status"], answer["outcome"]) == ("NEW", None)
    course.step()
    assert {course.status(user) for user in near} == {"NOTIFIED"}
    assert course.kinds()[-3:] == ["EVENT_REOPENED", "WAVE_CALLED", "HELPERS_RUNG_AGAIN"]


def test_event_of_an_erased_person_stays_closed(near: Any, course: Course) -> None:
    course.desk("resolve", outcome="HELPED")
    User.objects.filter(pk=course.wearer.pk).update(status=Status.ERASED)
    assert course.desk("reopen").status_code == 409


def test_ledger_says_who_was_reached_how_and_why_not(near: list[User], course: Course, client_of: Any) -> None:
    Notification.objects.filter(user=near[0]).update(state="FAILED", reason="404 UNREGISTERED")
    url = f"/api/v1/sos/{course.event.uid}/"
    reach = client_of(course.dispatcher).get(url).json()["reach"]
    calls = {one["to"]: (one["channel"], one["state"], one["reason"]) for one in reach if one["kind"] == "SOS_ALERT"}
    assert calls[near[0].full_name] == ("FCM", "FAILED", "404 UNREGISTERED")
    assert calls[near[1].full_name] == ("FCM", "QUEUED", "")
    for other in (course.wearer, near[1]):
        assert client_of(other).get(url).json()["reach"] is None


def test_only_dispatchers_see_the_contacts_and_what_they_were_told(
    near: list[User], course: Course, client_of: Any
) -> None:
    for name, phone, order in (("Sister", "+998931234568", 2), ("Mother", "+998931234567", 1)):
        course.wearer.emergency_contacts.create(name=name, phone_number=phone, language="uz", order=order)
    url = f"/api/v1/sos/{course.event.uid}/"

    def contacts(viewer: User) -> Any:
        return client_of(viewer).get(url).json()["contacts"]

    mother = {"name": "Mother", "phone_number": "+998931234567", "language": "uz", "told": []}
    assert contacts(course.dispatcher)[0] == mother
    SosEvent.objects.update(received_at=F("received_at") - timedelta(seconds=61))
    course.step()
    Notification.objects.filter(contact_id__isnull=False).update(state="FAILED", reason="no such number")
    shown = contacts(course.dispatcher)
    assert [one["name"] for one in shown] == ["Mother", "Sister"]
    for one in shown:
        assert [(told["kind"], told["channel"], told["state"], told["reason"]) for told in one["told"]] == [
            ("CONTACT_ALARM", "SMS", "FAILED", "no such number")
        ]
    course.answer(near[0], "ACCEPTED")
    assert [contacts(user) for user in (course.wearer, *near[:2])] == [None] * 3


def test_queries_of_an_event_do_not_grow_with_the_called(
    course: Course, client_of: Any, django_assert_max_num_queries: Any
) -> None:
    course.press()
    client, url = client_of(course.dispatcher), f"/api/v1/sos/{SosEvent.objects.get().uid}/"
    for n in range(12):
        course.helper(100 + n)
    course.step()
    client.get(url)
    with django_assert_max_num_queries(11):
        shown = client.get(url).json()
    assert len(shown["helpers"]) == 8
    assert shown["helpers"][0]["distance_now_m"] == 100
