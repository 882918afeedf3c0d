"""When dispatchers, emergency contacts and the wearer are told, and when they are not."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from apps.notifications.models import Notification
from apps.sos.models import SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import EmergencyContact
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
TIMES = ("received_at", "acknowledged_at", "dispatchers_alarmed_at", "contacts_alarmed_at", "unconfirmed_until")


def passes(seconds: float) -> None:
    """So much time goes by for the event."""
    moved = {name: F(name) - timedelta(seconds=seconds) for name in (*TIMES, "wave_at", "next_step_at")}
    SosEvent.objects.update(**moved)


@pytest.fixture
def mother(course: Course) -> EmergencyContact:
    contact: EmergencyContact = EmergencyContact.objects.create(
        owner=course.wearer, name="Mother", phone_number="+998931234567"
    )
    return contact


def alarms(course: Course) -> list[str]:
    rows = Notification.objects.filter(user=course.dispatcher, kind="DISPATCHER_ALARM", channel="FCM")
    return [row.data["reason"] for row in rows.order_by("pk")]


def test_dispatchers_on_duty_are_alarmed_when_no_console_is_connected(course: Course, person: Any) -> None:
    on_duty = person(role="ADMIN", on_duty=True)
    course.console(seconds_ago=50)
    course.press()
    take_due_step(course.event.pk)
    assert course.told(on_duty) == ["DISPATCHER_ALARM"]
    assert alarms(course) == []


def test_alarm_comes_back_until_somebody_acknowledges(course: Course) -> None:
    course.helper(100)
    course.console()
    course.press()
    for seconds in (59, 2, 60, 61, 120):
        passes(seconds)
        take_due_step(course.event.pk)
    assert alarms(course) == ["NOT_ACKNOWLEDGED"] * 3
    course.desk("acknowledge")
    passes(170)
    take_due_step(course.event.pk)
    assert len(alarms(course)) == 3
    passes(20)
    take_due_step(course.event.pk)
    assert len(alarms(course)) == 4, "three minutes without doing anything: it lapses"


def test_acknowledged_and_covered_event_alarms_nobody(course: Course) -> None:
    helper = course.helper(100)
    course.console()
    course.press()
    course.step()
    for status in ("ACCEPTED", "EN_ROUTE"):
        course.answer(helper, status)
    course.desk("acknowledge")
    for _ in range(5):
        passes(300)
        take_due_step(course.event.pk)
    assert alarms(course) == []


def test_place_found_unsafe_asks_for_another_acknowledgement(course: Course) -> None:
    helper = course.helper(100)
    course.console()
    course.press()
    course.step()
    course.desk("acknowledge")
    course.answer(helper, "ACCEPTED")
    course.answer(helper, "UNSAFE")
    for seconds in (115, 10):
        passes(seconds)
        take_due_step(course.event.pk)
    assert alarms(course) == ["UNSAFE", "UNSAFE"], "again after 120 s, though it was acknowledged before"


def test_contacts_are_alarmed_after_a_minute_and_told_when_it_is_over(
    course: Course, mother: EmergencyContact, settings: Any
) -> None:
    course.helper(100)
    course.console()
    course.press()
    course.step()
    rows = Notification.objects.filter(contact_id=mother.pk)
    assert not rows.exists()
    passes(61)
    take_due_step(course.event.pk)
    alarm = rows.get()
    assert (alarm.kind, alarm.channel, alarm.user) == ("CONTACT_ALARM", "SMS", course.wearer)
    assert alarm.data["url"].startswith(f"{settings.PUBLIC_URL}/live/")
    passes(600)
    take_due_step(course.event.pk)
    assert rows.count() == 1, "once"
    course.desk("resolve", outcome="HELPED")
    assert list(rows.order_by("pk").values_list("kind", flat=True)) == ["CONTACT_ALARM", "ALL_CLEAR"]


def test_contacts_who_were_not_alarmed_are_told_nothing(course: Course, mother: EmergencyContact) -> None:
    course.helper(100)
    course.press()
    course.step()
    course.desk("resolve", outcome="FALSE_ALARM")
    assert not Notification.objects.filter(contact_id=mother.pk).exists()


def test_silent_event_tells_neither_the_wearer_nor_their_contacts(course: Course, mother: EmergencyContact) -> None:
    helper = course.helper(100)
    course.press(silent=True)
    course.step()
    passes(300)
    take_due_step(course.event.pk)
    course.answer(helper, "ACCEPTED")
    course.desk("resolve", outcome="HELPED")
    assert course.told(course.wearer) == []
    assert not Notification.objects.filter(contact_id=mother.pk).exists()
    assert "SOS_ALERT" in Notification.objects.filter(user=helper).values_list("kind", flat=True)


def test_countdown_holds_everything_until_it_ends(course: Course, mother: EmergencyContact) -> None:
    helper = course.helper(100)
    event = course.press(countdown_s=30)
    assert not take_due_step(event.pk)
    assert (course.event.unconfirmed_until - course.event.received_at).total_seconds() == 30
    passes(31)
    assert take_due_step(event.pk)
    assert course.told(helper) == ["SOS_ALERT"]
    assert not Notification.objects.filter(contact_id=mother.pk).exists(), "their minute counts from its end"


def test_cancel_in_the_countdown_calls_nobody(course: Course) -> None:
    helper = course.helper(100)
    course.press(countdown_s=30)
    answer = course.post(course.wearer, "cancel")
    assert (answer.status_code, answer.json()["event_status"]) == (200, "CANCELLED")
    assert course.told(helper) == []


def test_second_press_ends_the_countdown(course: Course) -> None:
    helper = course.helper(100)
    course.press(countdown_s=30)
    course.press()
    take_due_step(course.event.pk)
    assert course.told(helper) == ["SOS_ALERT"]


@pytest.mark.parametrize(("sent", "taken"), [(61, 60), (-1, 0), ("x", 0), (None, 0), (True, 0), (7.6, 8)])
def test_countdown_that_is_none_is_taken_as_near_as_can_be(course: Course, sent: Any, taken: int) -> None:
    event = course.press(countdown_s=sent)
    held = event.unconfirmed_until
    assert (round((held - event.received_at).total_seconds()) if held else 0) == taken
    warned = event.signals.get().warnings
    assert ("countdown_s" in warned) == (sent is not None)


def test_test_signal_calls_nobody_and_closes_itself(course: Course, mother: EmergencyContact) -> None:
    helper = course.helper(100)
    course.press(detected_type="TEST")
    assert take_due_step(course.event.pk)
    assert (course.event.status, course.told(helper), alarms(course)) == ("RESOLVED", [], [])
    assert course.told(course.wearer) == ["TEST_ARRIVED"]
    assert not Notification.objects.filter(contact_id=mother.pk).exists()


def test_emergency_is_never_merged_into_a_test(course: Course) -> None:
    test = course.press(detected_type="TEST")
    assert course.press(detected_type="FALL_DETECTED").pk != test.pk


def test_wearer_who_is_fine_after_an_acceptance_waits_for_a_dispatcher(course: Course) -> None:
    helper = course.helper(100)
    course.console()
    course.press()
    course.step()
    course.answer(helper, "ACCEPTED")
    answer = course.post(course.wearer, "cancel").json()
    assert (answer["event_status"], answer["halted"]) == ("IN_PROGRESS", "WEARER_FINE")
    assert alarms(course) == ["WEARER_FINE"]
    course.post(course.wearer, "cancel")
    assert alarms(course) == ["WEARER_FINE"], "said twice, told once"
    course.press()
    assert course.event.halted == "", "whoever presses again is not fine"


def test_unsafe_place_stops_the_calling_until_a_dispatcher_goes_on(course: Course) -> None:
    people = [course.helper(100 + n) for n in range(3)]
    course.console()
    course.press()
    course.step()
    for user in people[:2]:
        course.answer(user, "ACCEPTED")
    course.answer(people[0], "UNSAFE")
    assert alarms(course) == ["UNSAFE"]
    assert "PLACE_UNSAFE" in course.told(people[1])
    later = course.helper(200)
    course.wave()
    assert later.pk not in course.called()
    refused = course.answer(people[2], "ACCEPTED")
    assert (refused.status_code, refused.json()["detail"]) == (409, "The place was found unsafe; a dispatcher decides.")
    course.desk("call-next-wave")
    assert later.pk in course.called()


def test_watch_cancels_with_its_own_token_only_its_own_event(course: Course, client_of: Any, person: Any) -> None:
    from rest_framework.test import APIClient  # noqa: PLC0415

    from apps.devices.rules.registry import register_device  # noqa: PLC0415

    device, _ = register_device(course.wearer, "watch-1")
    token = client_of(course.wearer).post("/api/v1/devices/watch-1/token/").json()["token"]
    watch = APIClient()
    watch.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    mine, other = course.press(device_uid="watch-1"), course.press(device_uid=...)
    assert watch.post(f"/api/v1/sos/{other.uid}/cancel/").status_code == 404
    assert watch.post(f"/api/v1/sos/{mine.uid}/cancel/").json()["event_status"] == "CANCELLED"
    assert device.pk == SosEvent.objects.get(pk=mine.pk).device_id


def test_open_event_is_never_forgotten(course: Course) -> None:
    course.press()
    for _ in range(12):
        course.step()
        assert course.event.next_step_at <= timezone.now() + timedelta(seconds=121)
