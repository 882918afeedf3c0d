"""What a watch is told while it waits: that help is coming, and that it may stop."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.rules.registry import register_device
from apps.notifications.rules.queueing import acknowledge_receipt
from apps.sos.kinds import EventStatus
from apps.sos.models import SosEvent
from apps.sos.rules.policy import plan_of, policy_of
from apps.users.models import EmergencyContact, User
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
URL = "/api/v1/sos/current/"
WATCH = "watch_unique_serial_001"


@pytest.fixture
def watch(course: Course) -> APIClient:
    """The wearer's watch, with a token of its own."""
    register_device(course.wearer, WATCH)
    token = course.client_of(course.wearer).post(f"/api/v1/devices/{WATCH}/token/").json()["token"]
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def state(watch: APIClient) -> Any:
    answer = watch.get(URL)
    assert answer.status_code == 200
    assert len(answer.content) <= 2048
    return answer.json()


def test_watch_without_an_emergency_asks_seldom(watch: APIClient, settings: Any) -> None:
    assert state(watch) == {"open": False, "ask_again_s": settings.STATUS_INTERVAL_S, "events": []}


def test_watch_sees_help_come(watch: APIClient, course: Course, settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    EmergencyContact.objects.create(owner=course.wearer, name="Mother", phone_number="+998931234567")
    helper = course.helper(440)
    uid = str(course.press(device_uid=WATCH).uid)
    first = state(watch)
    assert (first["open"], first["ask_again_s"]) == (True, settings.LOCATION_INTERVAL_SOS_S)
    (event,) = first["events"]
    assert (event["event_uid"], event["coming"], event["helpers_called"]) == (uid, 0, 0)
    course.step()
    acknowledge_receipt(course.event.alerts.get().helper.notifications.get(channel="FCM").uuid)
    SosEvent.objects.update(received_at=timezone.now() - timedelta(seconds=61))
    course.step()
    course.answer(helper, "ACCEPTED")
    course.desk("acknowledge")
    (event,) = state(watch)["events"]
    assert (event["coming"], event["nearest_m"], event["on_scene"], event["dispatcher"]) == (1, 400, False, True)
    assert (event["helpers_called"], event["phones_reached"], event["contacts_told"]) == (1, 1, 1)
    course.answer(helper, "ON_SCENE")
    assert state(watch)["events"][0]["on_scene"] is True


def test_watch_is_told_that_it_was_cancelled_and_forgets_it_after_an_hour(watch: APIClient, course: Course) -> None:
    course.press(device_uid=WATCH)
    course.post(course.wearer, "cancel")
    told = state(watch)
    assert (told["open"], told["events"][0]["open"], told["events"][0]["status"]) == (False, False, "CANCELLED")
    assert told["events"][0]["outcome"] == "NO_HELP_NEEDED"
    SosEvent.objects.update(closed_at=timezone.now() - timedelta(minutes=61))
    assert state(watch)["events"] == []


def test_watch_sees_that_a_dispatcher_must_confirm(watch: APIClient, course: Course) -> None:
    helper = course.helper(100)
    course.press(device_uid=WATCH)
    course.step()
    course.answer(helper, "ACCEPTED")
    course.post(course.wearer, "cancel")
    assert state(watch)["events"][0]["halted"] == "WEARER_FINE"


def test_watch_sees_its_own_events_and_the_person_all_of_theirs(watch: APIClient, course: Course, person: Any) -> None:
    register_device(course.wearer, "another")
    course.press(device_uid="another")
    assert state(watch)["events"] == []
    assert len(state(course.client_of(course.wearer))["events"]) == 1
    assert state(course.client_of(person()))["events"] == []


def test_silent_and_counting_down_are_said(watch: APIClient, course: Course) -> None:
    until = course.press(device_uid=WATCH, silent=True, countdown_s=30).unconfirmed_until
    (event,) = state(watch)["events"]
    assert event["silent"] is True
    assert event["calls_at"] == until.isoformat().replace("+00:00", "Z")


def test_nothing_names_a_person_or_a_place(watch: APIClient, course: Course) -> None:
    helper = course.helper(440)
    event = course.press(device_uid=WATCH)
    course.step()
    course.answer(helper, "ACCEPTED")
    text = watch.get(URL).content.decode()
    for secret in (helper.full_name, course.wearer.full_name, str(helper.phone_number), str(event.lat), str(event.lon)):
        assert secret not in text


def test_asking_costs_the_same_however_many_are_called(
    watch: APIClient, course: Course, django_assert_num_queries: Any
) -> None:
    helpers = [course.helper(metres) for metres in (400, 500, 600, 700)]
    course.press(device_uid=WATCH)
    watch.get(URL)
    with django_assert_num_queries(4):
        watch.get(URL)
    course.step()
    course.answer(helpers[0], "ACCEPTED")
    course.answer(helpers[1], "DECLINED")
    with django_assert_num_queries(4):
        (event,) = state(watch)["events"]
    assert (event["helpers_called"], event["coming"], event["nearest_m"]) == (4, 1, 400)


def test_two_kilobytes_hold_the_newest_whatever_happens(watch: APIClient, course: Course, wearer: User) -> None:
    newest = course.press(device_uid=WATCH, detected_type="MANUAL_TRIGGER")
    old = {"user": wearer, "device": newest.device, "detected_type": "MANUAL_TRIGGER", "severity": 5, "position": None}
    times = {name: timezone.now() for name in ("occurred_at", "received_at", "last_signal_at", "wave_at")}
    plan = plan_of(policy_of("MANUAL_TRIGGER"), 5)
    for _ in range(20):
        SosEvent.objects.create(**old, **times, plan=plan, next_step_at=timezone.now(), halted="WEARER_FINE")
    closed = {"closed_at": timezone.now(), "next_step_at": None, "outcome": "NO_HELP_NEEDED"}
    SosEvent.objects.create(**old, **times, plan=plan, status=EventStatus.CANCELLED, **closed)
    shown = state(watch)["events"]
    assert len(shown) == 3
    assert all(event["open"] for event in shown)
