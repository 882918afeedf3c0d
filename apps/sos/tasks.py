"""The spec's Celery tasks. Each carries an id and may run twice or never; the sweeper calls the same function."""

from threading import BoundedSemaphore
from typing import Any

from celery import Task, shared_task

from mdd_backend.hints import LATER

from . import tracks
from .rules import retention
from .rules.due_step import take_due_step, take_due_steps

AT_ONCE_OF_WHAT_CAN_WAIT = 2
"""So many of a worker's threads: the others are there for those who cannot."""
_room_for_what_can_wait = BoundedSemaphore(AT_ONCE_OF_WHAT_CAN_WAIT)


@shared_task(bind=True, name="sos.notify_nearby_helpers")
def notify_nearby_helpers(task: "Task[Any, Any]", event_id: int) -> None:
    """The first wave of an event that has just opened."""
    _take_due_step(task, event_id)


@shared_task(bind=True, name="sos.escalation_watch")
def escalation_watch(task: "Task[Any, Any]", event_id: int) -> None:
    """The event's next step, if its time has come."""
    _take_due_step(task, event_id)


def _take_due_step(task: "Task[Any, Any]", event_id: int) -> None:
    """Where there is no room, whoever has some comes to it, by its rank; the sweep does in any case."""
    can_wait = (task.request.delivery_info or {}).get("priority") == LATER
    if not can_wait:
        take_due_step(event_id)
    elif _room_for_what_can_wait.acquire(blocking=False):
        try:
            take_due_step(event_id)
            take_due_steps()
        finally:
            _room_for_what_can_wait.release()


@shared_task(name="sos.drop_old_tracks")
def drop_old_tracks() -> None:
    """Where devices were longer ago than tracks are kept."""
    tracks.drop_old_tracks()


@shared_task(name="sos.forget_old")
def forget_old() -> None:
    """What is kept for a while only: payloads, messages, events, looks."""
    retention.forget_old()
