"""Where much is to be done at once, those whose watch is established are served first, in every queue."""

from typing import Any

import pytest

from apps.devices.models import Device
from apps.devices.rules.registry import register_device
from apps.notifications.models import Notification, Urgency
from apps.sos import tasks
from apps.sos.models import SosEvent
from apps.sos.rules import due_step
from apps.sos.rules.opening import open_event
from mdd_backend import hints
from mdd_backend.celery import app
from tests.conftest import HERE

pytestmark = pytest.mark.django_db
PROVEN, UNPROVEN = 704, 503


@pytest.fixture
def pressed(person: Any) -> Any:
    def press(rank: int) -> SosEvent:
        event = open_event(person(), {"lat": HERE[0], "lon": HERE[1]}).event
        SosEvent.objects.filter(pk=event.pk).update(rank=rank)
        event.refresh_from_db()
        return event

    return press


def waves_of(event: SosEvent) -> int:
    event.refresh_from_db()
    return event.waves_called


def test_sweep_takes_the_more_urgent_first(pressed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def take(event_id: int, *, wait_for_row: bool) -> bool:
        assert not wait_for_row
        taken.append(event_id)
        return False

    monkeypatch.setattr(due_step, "take_due_step", take)
    earlier, later, called = pressed(UNPROVEN), pressed(PROVEN), pressed(PROVEN)
    SosEvent.objects.filter(pk=called.pk).update(waves_called=1)
    due_step.take_due_steps()
    assert taken == [later.pk, earlier.pk, called.pk]


@pytest.mark.parametrize("task", [tasks.notify_nearby_helpers, tasks.escalation_watch])
def test_what_can_wait_takes_a_part_of_the_workers_threads(pressed: Any, task: Any) -> None:
    first, second = pressed(UNPROVEN), pressed(PROVEN)
    room = tasks._room_for_what_can_wait
    while room.acquire(blocking=False):
        pass
    try:
        task.apply([first.pk], priority=hints.LATER)
        task.apply([second.pk], priority=0)
    finally:
        for _ in range(tasks.AT_ONCE_OF_WHAT_CAN_WAIT):
            room.release()
    assert (waves_of(first), waves_of(second)) == (0, 1)
    third = pressed(UNPROVEN)
    task.apply([third.pk], priority=hints.LATER)
    assert all(map(waves_of, (first, third))), "nobody is forgotten"


def test_first_pushes_of_an_established_watch_leave_first(pressed: Any, helper: Any) -> None:
    for number in range(2):
        helper(100 + number)
    events = [pressed(UNPROVEN), pressed(PROVEN)]
    for event in events:
        tasks.notify_nearby_helpers(event.pk)
    urgency = dict(Notification.objects.filter(kind="SOS_ALERT").values_list("event_uid", "urgency"))
    assert [urgency[event.uid] for event in events] == [Urgency.USUAL, Urgency.FIRST]


@pytest.mark.parametrize(("days_seen", "priority"), [(0, hints.LATER), (3, 0)])
def test_hint_says_what_can_wait(
    person: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, days_seen: int, priority: int
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(app, "send_task", lambda name, *_, priority, **__: sent.append((name, priority)))
    monkeypatch.setattr(hints._the_sender(), "put", lambda send: send())
    user = person()
    register_device(user, "watch")
    Device.objects.update(days_seen=days_seen)
    with django_capture_on_commit_callbacks(execute=True):
        open_event(user, {"device_uid": "watch", "lat": HERE[0], "lon": HERE[1]})
    assert sent == [("sos.notify_nearby_helpers", priority)]
