"""The same signal sent again, late or out of order: it is counted, and undoes nothing that is newer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from apps.devices.models import Device
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.notifications.models import Notification
from apps.sos.models import HelperAlert, JournalEntry, Signal, SosEvent
from mdd_backend.database.clock import utc
from tests.conftest import HERE, METRES_NORTH
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
WATCH = "watch_unique_serial_001"
RETRIES = {
    "signal_uid": {"signal_uid": "press-1", "timestamp": "2001-01-01T00:00:00Z"},
    "device time": {"severity": 2, "lat": 41.4},
    "same body": {},
}


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def watch(course: Course) -> Device:
    return register_device(course.wearer, WATCH)[0]


@pytest.fixture(params=RETRIES.values(), ids=RETRIES)
def retry(request: Any, course: Course, watch: Device) -> Callable[[], SosEvent]:
    """Presses, and gives what sends that signal again."""
    said = {"device_uid": WATCH, "timestamp": ago(1), "signal_uid": ...}
    if "signal_uid" in request.param:
        said |= request.param
    course.console()
    course.helper(100)
    course.press(**said)
    course.step()
    return lambda: course.press(**said | request.param)


def everything() -> list[Any]:
    """All that a retry must leave as it is."""
    events = list(SosEvent.objects.order_by("pk").values())
    for event in events:
        del event["signal_count"]
    tables = (HelperAlert, Notification, JournalEntry)
    return [events, *(list(table.objects.order_by("pk").values()) for table in tables)]


def test_retry_is_counted_and_changes_nothing_else(retry: Any, course: Course) -> None:
    HelperAlert.objects.update(rung_at=F("rung_at") - timedelta(seconds=61))
    before = everything()
    assert retry().signal_count == 2
    assert Signal.objects.count() == 2
    assert everything() == before


def test_retry_does_not_take_the_event_back_to_where_the_wearer_was(retry: Any, course: Course, watch: Device) -> None:
    record_fix(watch, Fix(HERE[0] + 900 * METRES_NORTH, HERE[1]))
    course.step()
    retry()
    helper = HelperAlert.objects.get().helper
    answer = course.answer(helper, "ACCEPTED").json()
    assert answer["lat"] == pytest.approx(HERE[0] + 900 * METRES_NORTH)


def test_retry_after_i_am_fine_calls_nobody(retry: Any, course: Course) -> None:
    course.answer(HelperAlert.objects.get().helper, "ACCEPTED")
    course.post(course.wearer, "cancel")
    before = everything()
    assert retry().halted == "WEARER_FINE"
    assert everything() == before


def test_retry_does_not_end_a_countdown(course: Course, watch: Device) -> None:
    said = {"device_uid": WATCH, "signal_uid": "press-1"}
    until = course.press(**said, countdown_s=30).unconfirmed_until
    assert course.press(**said).unconfirmed_until == until
    assert course.press(device_uid=WATCH, signal_uid="press-2").unconfirmed_until < until


def test_retry_of_a_closed_event_is_counted(retry: Any, course: Course) -> None:
    course.desk("resolve", outcome="HELPED")
    before = everything()
    assert retry().signal_count == 2
    assert everything() == before


def test_another_press_ends_the_halt_after_i_am_fine(course: Course, watch: Device) -> None:
    helper = course.helper(100)
    course.press(device_uid=WATCH, signal_uid="press-1")
    course.step()
    course.answer(helper, "ACCEPTED")
    course.post(course.wearer, "cancel")
    assert course.press(device_uid=WATCH, signal_uid="press-2").halted == ""


def test_another_press_after_all_have_helped_calls_again(course: Course, watch: Device) -> None:
    helper, other = course.helper(100), course.helper(2000)
    course.press(device_uid=WATCH, signal_uid="press-1")
    course.step()
    for status in ("ACCEPTED", "ON_SCENE", "DONE"):
        course.answer(helper, status)
    assert course.event.halted == "ALL_DONE"
    course.press(device_uid=WATCH, signal_uid="press-2")
    course.step()
    assert other.pk in course.called()


def test_press_made_before_i_am_fine_and_heard_after_it_ends_no_halt(course: Course, watch: Device) -> None:
    helper = course.helper(100)
    course.press(device_uid=WATCH, signal_uid="press-1", timestamp=ago(20))
    course.step()
    course.answer(helper, "ACCEPTED")
    course.post(course.wearer, "cancel")
    late = course.press(device_uid=WATCH, signal_uid="press-2", timestamp=ago(10), severity=5)
    assert (late.halted, late.severity) == ("WEARER_FINE", 5)


def test_watch_that_cannot_say_so_sends_no_retries(course: Course, watch: Device) -> None:
    """No signal_uid, and a clock of 2025: the same bytes may be the next fall."""
    helper = course.helper(100)
    course.press(device_uid=WATCH)
    course.step()
    course.answer(helper, "ACCEPTED")
    course.post(course.wearer, "cancel")
    assert course.press(device_uid=WATCH).halted == ""


def test_two_presses_of_one_second_are_told_apart_by_their_signal_uid(course: Course, watch: Device) -> None:
    stamp = ago(1)
    course.press(device_uid=WATCH, timestamp=stamp, signal_uid="fall", severity=2)
    assert course.press(device_uid=WATCH, timestamp=stamp, signal_uid="button", severity=5).severity == 5


LATE = {
    "clock that is right": {"timestamp": 600, "sent_at": ...},
    "clock of 2001, repaired": {"timestamp": "2001-01-01T00:00:00Z", "sent_at": "2001-01-01T00:10:00Z"},
}


@pytest.fixture(params=LATE.values(), ids=LATE)
def late(request: Any) -> dict[str, Any]:
    """A signal that was ten minutes on its way."""
    said = {"device_uid": WATCH} | request.param
    return said | {"timestamp": ago(600)} if said["timestamp"] == 600 else said


def test_late_signal_says_when_its_place_was_measured(late: Any, course: Course, watch: Device, client_of: Any) -> None:
    helper = course.helper(100)
    event = course.press(**late)
    assert event.location_age_s == pytest.approx(600, abs=5)
    assert (event.received_at - event.position_at).total_seconds() == pytest.approx(600, abs=5)
    course.step()
    shown = utc(event.position_at)
    assert Notification.objects.get(user=helper).data["position_at"] == shown
    called = client_of(helper).get(f"/api/v1/sos/{event.uid}/").json()
    assert (called["position_at"], called["location_age_s"], called["lat"]) == (shown, event.location_age_s, None)
    assert course.answer(helper, "ACCEPTED").json()["position_at"] == shown


def test_place_seen_since_wins_over_a_late_signals(late: Any, course: Course, watch: Device) -> None:
    seen_at = timezone.now() - timedelta(seconds=90)
    record_fix(watch, Fix(41.4, 69.3, recorded_at=seen_at))
    event = course.press(**late)
    assert (event.lat, event.location_source, event.position_at) == (41.4, "DEVICE", seen_at)
    assert event.location_age_s == pytest.approx(90, abs=5)


def test_place_seen_before_a_late_signal_loses(late: Any, course: Course, watch: Device) -> None:
    record_fix(watch, Fix(41.4, 69.3, recorded_at=timezone.now() - timedelta(seconds=900)))
    event = course.press(**late)
    assert (event.lat, event.location_source) == (HERE[0], "SIGNAL")


def test_press_that_arrives_out_of_order_does_not_move_the_event_back(late: Any, course: Course, watch: Device) -> None:
    course.press(device_uid=WATCH, timestamp=ago(0), signal_uid="later", lat=41.4)
    event = course.press(**late, signal_uid="earlier", severity=5)
    assert (event.lat, event.severity, event.signal_count) == (41.4, 5, 2)


def test_clock_that_is_a_year_off_measures_nothing(course: Course, watch: Device) -> None:
    event = course.press(device_uid=WATCH)
    assert (event.position_at, event.location_age_s) == (event.received_at, 0)


def test_place_of_a_report_that_comes_late_keeps_its_age(course: Course, watch: Device) -> None:
    course.press(device_uid=WATCH, timestamp=ago(600))
    record_fix(watch, Fix(41.4, 69.3, recorded_at=timezone.now() - timedelta(seconds=120)))
    course.step()
    assert (course.event.lat, course.event.location_age_s) == (41.4, pytest.approx(120, abs=5))


# A payload is kept once


def payloads(event: SosEvent | None = None) -> list[Any]:
    signals = Signal.objects.filter(event=event) if event else Signal.objects.all()
    return list(signals.order_by("pk").values_list("raw_payload", flat=True))


def holders() -> list[int | None]:
    """Of each signal, the place of the one that holds its payload."""
    signals = list(Signal.objects.order_by("pk"))
    return [signals.index(signal.payload_holder) if signal.payload_holder else None for signal in signals]


def test_retry_keeps_no_second_copy_of_its_payload(retry: Any) -> None:
    for _ in range(3):
        retry()
    assert payloads() == [{"sensor_data": "..."}, None, None, None]
    assert holders() == [0, 0, 0, 0]


def test_retry_of_a_closed_event_keeps_no_second_copy_either(retry: Any, course: Course) -> None:
    course.desk("resolve", outcome="HELPED")
    retry()
    assert payloads() == [{"sensor_data": "..."}, None]


def test_each_payload_of_an_event_is_kept_once_in_whatever_order_it_comes(course: Course, watch: Device) -> None:
    one, other = {"a": 1, "b": [2]}, {"a": 1, "b": [3]}
    for n, payload in enumerate((one, other, {"b": [2], "a": 1}, other, None, one)):
        course.press(device_uid=WATCH, signal_uid=f"press-{n}", raw_payload=payload)
    assert payloads() == [one, other, None, None, None, None]
    assert holders() == [0, 1, 0, 1, None, 0]
    assert course.event.signal_count == 6


def test_payload_that_is_cut_is_kept_once_too(course: Course, watch: Device) -> None:
    for n in range(3):
        course.press(device_uid=WATCH, signal_uid=f"press-{n}", raw_payload="x" * 100_000)
    assert [payload is None for payload in payloads()] == [False, True, True]


def test_another_event_keeps_its_own_payload(course: Course, watch: Device) -> None:
    first = course.press(device_uid=WATCH, signal_uid="press-1")
    course.desk("resolve", outcome="HELPED")
    second = course.press(device_uid=WATCH, signal_uid="press-2")
    assert (first != second, payloads(first), payloads(second)) == (True, *[[{"sensor_data": "..."}]] * 2)


def test_signal_from_before_digests_were_kept_is_repeated_whole_once(course: Course, watch: Device) -> None:
    course.press(device_uid=WATCH, signal_uid="press-1")
    Signal.objects.update(payload_digest=None)
    for n in (2, 3):
        course.press(device_uid=WATCH, signal_uid=f"press-{n}")
    assert payloads() == [{"sensor_data": "..."}] * 2 + [None]
