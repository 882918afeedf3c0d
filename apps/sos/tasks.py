"""The spec's Celery tasks. Each carries an id and may run twice or never; the sweeper calls the same function."""

from celery import shared_task

from . import tracks
from .rules.due_step import take_due_step


@shared_task(name="sos.notify_nearby_helpers")
def notify_nearby_helpers(event_id: int) -> None:
    """The first wave of an event that has just opened."""
    take_due_step(event_id)


@shared_task(name="sos.escalation_watch")
def escalation_watch(event_id: int) -> None:
    """The event's next step, if its time has come."""
    take_due_step(event_id)


@shared_task(name="sos.drop_old_tracks")
def drop_old_tracks() -> None:
    """Where devices were longer ago than tracks are kept."""
    tracks.drop_old_tracks()
