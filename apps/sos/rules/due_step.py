"""Takes an event's next due step: whatever of its plan's timers has run out, until somebody comes or it closes."""

import structlog
from django.db import connections, transaction
from django.db.models import Value
from django.db.models.functions import Least

from mdd_backend import hints
from mdd_backend.database import prepared

from .. import claims, journal, sql
from ..journal import Entry
from ..kinds import DetectedType, EventStatus, JournalKind, Outcome
from ..models import SosEvent
from ..queries.facts import Facts
from ..queries.gather import facts_and_place, facts_of, put
from . import decide
from .alarms import raise_alarms
from .closing import close
from .movement import check_helpers, follow_wearer
from .search import Chosen
from .waves import call, ring_again

log = structlog.get_logger(__name__)
BATCH = 100


@transaction.atomic
def take_due_step(event_id: int, *, wait_for_row: bool = True) -> bool:
    """Takes the step if it is due; False when it is not (taken already, closed, or another holds the row)."""
    due = [*prepared.models(sql.DUE if wait_for_row else sql.DUE_AND_FREE, [event_id], sql.EVENT)]
    if not due:
        return False
    ((event,),) = due
    if event.detected_type == DetectedType.TEST:
        close(event, EventStatus.RESOLVED, Outcome.NO_HELP_NEEDED, actor=None)
        return True
    facts, place = facts_and_place(event)
    step = decide.step(facts)
    entries = follow_wearer(event, place, step)
    entries += check_helpers(event, step)
    entries += ring_again(event, step.repeat)
    rung = ring_again(event, step.again)
    call_entries, chosen = call(event, step.search) if step.search else ([], Chosen())
    step = decide.after_search(step, has_called=bool(chosen.helpers), has_rung=bool(rung), short=chosen.short)
    entries += [*call_entries, *rung]
    entries += [Entry(event.pk, JournalKind.PLACE_UNKNOWN)] if step.seeks_place else []
    entries += raise_alarms(event, step)
    save(event, step.facts)
    journal.tell(event, *entries)
    return True


def take_due_steps() -> int:
    """Takes the next step of every event whose time has come; how many. One bad event does not stop the others.

    Those for whom nobody has been called yet come first: they wait for nobody's second ring. Of these the more urgent
    do. Those who lost helpers to a more urgent one are due at once.
    """
    uncalled_first = Least("waves_called", Value(1))
    taken, before = 0, -1
    while taken > before:
        before = taken
        claims.replace_lost()
        due = SosEvent.objects.due().order_by(uncalled_first, "-rank", "next_step_at").values_list("pk", flat=True)
        for event_id in due[:BATCH]:
            try:
                taken += take_due_step(event_id, wait_for_row=False)
            except Exception:
                log.exception("step failed", event_id=event_id)
                connections.close_all()
    return taken


def schedule(event: SosEvent) -> None:
    """Saves a locked open event with its status and the time of its next step, by who comes now."""
    save(event, facts_of(event))


def save(event: SosEvent, facts: Facts) -> None:
    """Saves a locked open event as it was decided, with the time of its next step."""
    put(event, facts)
    event.next_step_at = decide.next_step_at(facts)
    prepared.update(event)
    if event.next_step_at <= facts.at:
        hints.task("sos.escalation_watch", event.pk, can_wait=claims.can_wait(event))
