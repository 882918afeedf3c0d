"""Who is called again, who is stood down, who takes whose place."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.notifications.models import Notification, PushToken
from apps.notifications.rules.delivery import deliver_due
from apps.sos.models import DispatchPolicy, HelperAlert, JournalEntry, SosEvent
from apps.sos.rules.due_step import take_due_step, take_due_steps
from apps.users.models import Role, User
from apps.users.rules.accounts import change_standing
from tests.conftest import HERE, METRES_NORTH
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db


def rung_long_ago() -> None:
    SosEvent.objects.update(last_signal_at=F("last_signal_at") - timedelta(seconds=121))
    HelperAlert.objects.update(rung_at=F("rung_at") - timedelta(seconds=121))


def last_wave() -> Any:
    return JournalEntry.objects.filter(kind="WAVE_CALLED").latest("position").data


def test_decliner_is_replaced_at_once_by_the_next_nearest(course: Course) -> None:
    first = [course.helper(100 + n) for n in range(8)]
    ninth, further = course.helper(300), course.helper(2000)
    course.press()
    course.step()
    assert course.called() == {user.pk for user in first}
    course.answer(first[0], "DECLINED")
    assert course.event.next_step_at <= timezone.now()
    take_due_step(course.event.pk)
    assert course.called() == {user.pk for user in [*first, ninth]}
    assert (last_wave()["replaces"], last_wave()["wave"]) == (True, 1)
    course.answer(first[1], "DECLINED")
    take_due_step(course.event.pk)
    assert further.pk not in course.called(), "the ring stays the wave's own"


def test_who_declined_is_never_rung_again(course: Course) -> None:
    decliner, silent = course.helper(100), course.helper(200)
    course.press()
    course.step()
    course.answer(decliner, "DECLINED")
    for _ in range(8):
        rung_long_ago()
        course.wave()
    assert course.told(decliner) == ["SOS_ALERT"]
    assert course.told(silent) == ["SOS_ALERT"] * 3, "twice more, after the waves are over"


def test_repeat_rings_the_unanswered_at_most_once_a_minute(course: Course) -> None:
    silent, coming = course.helper(100), course.helper(200)
    course.press()
    course.step()
    course.answer(coming, "DECLINED")
    for _ in range(3):
        course.press()
        take_due_step(course.event.pk)
    assert course.told(silent) == ["SOS_ALERT"]
    HelperAlert.objects.update(rung_at=F("rung_at") - timedelta(seconds=61))
    for _ in range(3):
        course.press()
        take_due_step(course.event.pk)
    assert course.told(silent) == ["SOS_ALERT"] * 2
    assert course.told(coming) == ["SOS_ALERT"]


def test_others_are_stood_down_and_rung_again_when_the_cover_is_lost(course: Course) -> None:
    people = [course.helper(100 + n) for n in range(4)]
    course.press()
    course.step()
    Notification.objects.update(state="SENT")
    course.answer(people[0], "ACCEPTED")
    assert course.status(people[3]) == "NOTIFIED", "one who has merely accepted is not enough"
    course.answer(people[0], "EN_ROUTE")
    assert [course.status(user) for user in people[1:]] == ["STOOD_DOWN"] * 3
    rung_long_ago()
    course.answer(people[0], "WITHDRAWN")
    assert course.event.status == "NEW"
    take_due_step(course.event.pk)
    assert [course.status(user) for user in people[1:]] == ["NOTIFIED"] * 3
    assert course.status(people[0]) == "WITHDRAWN"


def test_stood_down_helper_may_still_come_while_there_is_a_place(course: Course) -> None:
    people = [course.helper(100 + n) for n in range(2)]
    course.press()
    course.step()
    for status in ("ACCEPTED", "EN_ROUTE"):
        course.answer(people[0], status)
    assert course.answer(people[1], "ACCEPTED").status_code == 200


def test_nobody_is_called_while_enough_are_coming(course: Course) -> None:
    people = [course.helper(100 + n) for n in range(2)]
    course.press()
    course.step()
    for user in people:
        course.answer(user, "ACCEPTED")
    course.helper(300)
    course.wave()
    assert course.called() == {user.pk for user in people}


def test_each_wave_goes_out_from_where_the_wearer_is_now(course: Course) -> None:
    watch, _ = register_device(course.wearer, "watch-1")
    course.console()
    course.press(device_uid="watch-1")
    course.step()
    far = course.helper(9000)
    record_fix(watch, Fix(HERE[0] + 8900 * METRES_NORTH, HERE[1]))
    course.wave()
    assert course.called() == {far.pk}
    assert "PLACE_MOVED" in course.kinds()
    assert course.event.location_source == "DEVICE"


def test_event_without_a_place_calls_as_soon_as_its_device_has_one(course: Course) -> None:
    watch, _ = register_device(course.wearer, "watch-1")
    near = course.helper(100)
    course.press(device_uid="watch-1", lat=..., lon=...)
    course.step()
    assert course.event.next_step_at < timezone.now() + timedelta(seconds=16)
    record_fix(watch, Fix(*HERE))
    course.wave()
    assert course.called() == {near.pk}


def test_helper_without_an_app_is_called_by_text_message(course: Course, settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    without = course.helper(100)
    PushToken.objects.filter(user=without).delete()
    course.press()
    course.step()
    assert course.called() == {without.pk}
    assert set(Notification.objects.filter(user=without).values_list("channel", flat=True)) == {"FCM", "SMS"}


def test_plan_is_frozen_when_the_event_opens(course: Course) -> None:
    DispatchPolicy.objects.create(waves=[{"radius_m": 200, "helpers": 1, "wait_s": 5}], enough_helpers=1)
    one, two = course.helper(100), course.helper(150)
    course.press()
    DispatchPolicy.objects.update(waves=[{"radius_m": 9000, "helpers": 9, "wait_s": 5}])
    course.step()
    assert course.called() == {one.pk}
    course.answer(one, "ACCEPTED")
    course.wave()
    assert two.pk not in course.called()


def test_helper_who_is_no_more_one_is_not_rung_again(course: Course) -> None:
    helper = course.helper(100)
    course.press()
    course.step()
    change_standing(helper, role=Role.USER)
    SosEvent.objects.update(waves_called=4)
    rung_long_ago()
    course.wave()
    assert course.told(helper) == ["SOS_ALERT"]


@pytest.mark.django_db(transaction=True)
def test_after_an_hour_without_a_worker_nothing_stale_is_sent(course: Course, fcm: Any) -> None:
    """Web took the signals, nobody did the rest: the calls of an hour ago go to nobody, the next wave goes out."""
    early, near = course.helper(100), course.helper(2000)
    course.press()
    course.step()
    hour = timedelta(hours=1)
    moved = {name: F(name) - hour for name in ("created_at", "due_at", "expires_at")}
    Notification.objects.update(**moved)
    HelperAlert.objects.update(rung_at=F("rung_at") - hour, created_at=F("created_at") - hour)
    times = ("received_at", "last_signal_at", "wave_at", "next_step_at", "dispatchers_alarmed_at", "position_at")
    SosEvent.objects.update(**{name: F(name) - hour for name in times})
    take_due_steps()
    deliver_due("FCM")
    stale = Notification.objects.get(user=early, kind="SOS_ALERT")
    assert (stale.state, stale.reason) == ("DROPPED", "expired")
    assert [one.token for one in fcm.messages()] == [f"token-{near.pk}"]
    assert not take_due_step(course.event.pk), "one step, however late"


@pytest.mark.django_db(transaction=True)
def test_in_an_earthquake_waves_are_whole_and_nobody_is_left_out(course: Course, person: Any, press: Any) -> None:
    helpers = [course.helper(100 + n) for n in range(20)]
    for _ in range(12):
        press(person(), device_uid=..., severity=3)
    events = list(SosEvent.objects.values_list("pk", flat=True))

    def step(event_id: int) -> bool:
        try:
            return take_due_step(event_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(step, events))
    for _ in range(4):
        take_due_steps()
    called = HelperAlert.objects.values_list("event_id", "helper_id")
    assert {helper for _, helper in called} == {user.pk for user in helpers}
    assert Counter(event for event, _ in called) == dict.fromkeys(events, 8)


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_for_two_places_leave_exactly_two(course: Course) -> None:
    DispatchPolicy.objects.create(waves=[{"radius_m": 1500, "helpers": 20, "wait_s": 30}])
    people = [course.helper(100 + n) for n in range(20)]
    course.press()
    course.step()

    def accept(user: User) -> tuple[int, str]:
        try:
            answer = course.answer(user, "ACCEPTED")
            return answer.status_code, answer.json()["status"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        heard = sorted(pool.map(accept, people))
    assert heard == [(200, "ACCEPTED")] * 2 + [(409, "STOOD_DOWN")] * 18
    assert course.event.coming().count() == 2


@pytest.mark.django_db(transaction=True)
def test_whoever_nobody_has_been_called_for_waits_for_no_second_ring(course: Course, person: Any) -> None:
    """More events are due than one sweep takes; the newest, for whom nobody has been called, comes first."""
    wearers = [person() for _ in range(3)]
    for wearer in wearers:
        course.wearer = wearer
        course.press()
    SosEvent.objects.update(waves_called=4, next_step_at=timezone.now() - timedelta(seconds=30))
    course.wearer = person()
    fresh = course.press()
    with (
        mock.patch("apps.sos.rules.due_step.BATCH", 1),
        mock.patch("apps.sos.rules.due_step.take_due_step", return_value=False) as step,
    ):
        take_due_steps()
    step.assert_called_once_with(fresh.pk, wait_for_row=False)
