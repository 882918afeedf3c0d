"""What is known of where people were goes after a while; what belongs to an SOS stays with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from apps.devices.models import Device, LocationTrack
from apps.devices.rules.partitions import create_partitions
from apps.devices.rules.registry import Fix, record_fixes, register_device
from apps.sos.kinds import AlertStatus, EventStatus, Outcome
from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.answers import answer_alert
from apps.sos.rules.closing import close, hold_open
from apps.sos.rules.due_step import take_due_step
from apps.sos.tasks import drop_old_tracks
from tests.conftest import HERE

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=100)


@pytest.fixture
def event(wearer: Any, helper: Any, press: Any) -> SosEvent:
    """Of a hundred days ago: from 10 till 40 minutes past the hour; a helper said at 20 past that they come."""
    register_device(wearer, "w-1")
    someone = helper(300)
    uid = press(wearer, device_uid="w-1", timestamp=...).json()["event_uid"]
    event = SosEvent.objects.get(uid=uid)
    take_due_step(event.pk)
    answer_alert(event, someone, AlertStatus.ACCEPTED)
    with transaction.atomic():
        close(hold_open(event), EventStatus.RESOLVED, Outcome.HELPED, actor=None)
    began = LONG_AGO + timedelta(minutes=10)
    SosEvent.objects.update(occurred_at=began, received_at=began, closed_at=LONG_AGO + timedelta(minutes=40))
    HelperAlert.objects.update(accepted_at=LONG_AGO + timedelta(minutes=20))
    return SosEvent.objects.get()


def walk(device: Device) -> None:
    """A fix every ten minutes, from two hours before to an hour after the hour of the event."""
    create_partitions(LONG_AGO.date())
    times = [LONG_AGO + timedelta(minutes=10 * n) for n in range(-12, 13)]
    record_fixes(device, [Fix(*HERE, recorded_at=at) for at in times])


def minutes(device: Device) -> list[int]:
    """When its fixes were, in minutes after the hour of the event."""
    times = LocationTrack.objects.filter(device=device, recorded_at__lt=datetime.now(UTC) - timedelta(days=50))
    return [
        int((at - LONG_AGO).total_seconds() // 60)
        for at in times.order_by("recorded_at").values_list("recorded_at", flat=True)
    ]


def test_the_way_of_who_called_and_of_who_came_stays_with_the_event(
    event: SosEvent, wearer: Any, dispatcher: Any, client_of: Any
) -> None:
    phone, other = Device.objects.get(device_uid__startswith="phone"), register_device(wearer, "w-2")[0]
    watch = Device.objects.get(device_uid="w-1")
    for device in (watch, phone, other):
        walk(device)
    a_map = f"/api/v1/console/events/{event.uid}/map/"
    drawn = client_of(dispatcher).get(a_map, {"reason": "A test."}).json()["track"]
    drop_old_tracks()
    drop_old_tracks()
    assert len(drawn) == 6
    assert client_of(dispatcher).get(a_map, {"reason": "A test."}).json()["track"] == drawn
    assert minutes(watch) == list(range(-50, 41, 10))
    assert minutes(phone) == [20, 30, 40]
    assert minutes(other) == []
    around = {"from": (LONG_AGO - timedelta(days=1)).isoformat(), "to": (LONG_AGO + timedelta(days=1)).isoformat()}
    shown = client_of(wearer).get("/api/v1/devices/w-1/track/", around).json()
    assert len(shown["fixes"]) == len(minutes(watch))


@pytest.mark.parametrize(("late", "first"), [(timedelta(minutes=30), -80), (timedelta(days=2), -50)])
def test_a_signal_that_got_through_late_keeps_the_way_to_where_it_happened(
    event: SosEvent, late: timedelta, first: int
) -> None:
    """But the clock of a watch that tells of days ago is not believed."""
    SosEvent.objects.update(occurred_at=F("received_at") - late)
    watch = Device.objects.get(device_uid="w-1")
    walk(watch)
    drop_old_tracks()
    assert minutes(watch) == list(range(first, 41, 10))


def test_of_an_open_event_all_stays(event: SosEvent) -> None:
    SosEvent.objects.update(closed_at=None, status="NEW", outcome="", next_step_at=F("received_at"))
    watch = Device.objects.get(device_uid="w-1")
    walk(watch)
    drop_old_tracks()
    assert minutes(watch) == list(range(-50, 121, 10))


def test_nothing_goes_before_its_time(event: SosEvent, settings: Any) -> None:
    settings.TRACK_RETENTION_DAYS = 101
    day = timedelta(days=1)
    SosEvent.objects.update(received_at=F("received_at") - day, closed_at=F("closed_at") - day)
    watch = Device.objects.get(device_uid="w-1")
    walk(watch)
    drop_old_tracks()
    assert len(minutes(watch)) == 25
    settings.TRACK_RETENTION_DAYS = 98
    drop_old_tracks()
    assert minutes(watch) == []
