"""What closes an event, for whatever reason: nobody is called any more, and everybody who was told hears of it."""

from apps.notifications.rules.queueing import drop_queued
from apps.users.models import User
from mdd_backend.database.clock import now

from .. import claims, journal
from ..journal import Entry
from ..journal.entries import Closed
from ..kinds import COMING, AlertStatus, EventStatus, JournalKind, Outcome
from ..models import EventNote, HelperAlert, SosEvent
from .alarms import tell_all_clear
from .waves import stand_down


class StepMakesNoSense(Exception):
    """What is asked does not fit the state of the event, or of the one who asks."""

    def __init__(self, why: str, event: SosEvent, alert: HelperAlert | None = None) -> None:
        super().__init__(why)
        self.event, self.alert = event, alert


def hold_open(event: SosEvent) -> SosEvent:
    """The event as it is now, locked until the transaction ends. Raises StepMakesNoSense when it is closed."""
    held = hold(event)
    if not held.is_open:
        raise StepMakesNoSense("The event is closed.", held)
    return held


def hold(event: SosEvent) -> SosEvent:
    """The event as it is now, locked until the transaction ends."""
    held: SosEvent = SosEvent.objects.select_for_update(no_key=True).get(pk=event.pk)
    return held


def close(
    event: SosEvent, status: EventStatus, outcome: Outcome, actor: User | None, note: EventNote | None = None
) -> SosEvent:
    """Closes a locked open event. Whoever is there has helped; all others called are needed no more."""
    event.status, event.outcome, event.next_step_at = status, outcome, None
    event.halted, event.closed_at = "", now()
    event.save()
    there = event.alerts.filter(status=AlertStatus.ON_SCENE)
    claims.release(event, sorted(there.values_list("helper_id", flat=True)))
    there.update(status=AlertStatus.DONE)
    dropped = drop_queued(event.uid, "event closed")
    stood_down = stand_down(event, [AlertStatus.NOTIFIED, AlertStatus.ASSIGNED, *COMING])
    tell_all_clear(event)
    data = Closed(outcome, len(dropped), stood_down, note.pk if note else None)
    journal.tell(event, Entry(event.pk, JournalKind(f"EVENT_{status}"), actor.pk if actor else None, data))
    return event
