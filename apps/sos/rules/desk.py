"""What a dispatcher does about an event. Whatever it is but a note, they look after it from then on."""

from django.db import transaction

from apps.users.models import Role, Status, User
from mdd_backend.database.clock import now

from .. import claims, journal
from ..journal import NOTHING, Data, Entry
from ..journal.entries import Accepted, HandedOver, NoteAdded, OfHelper
from ..kinds import COMING, AlertStatus, EventStatus, JournalKind, Outcome, Service
from ..models import EventNote, HelperAlert, SosEvent
from ..queries.facts import ASSIGNED_COVERS
from ..queries.gather import facts_of, put
from . import decide
from .answers import carry_out
from .closing import StepMakesNoSense, close, hold, hold_open
from .decide import Step
from .due_step import schedule
from .movement import measure
from .search import Chosen
from .waves import call, ring_again, ring_assigned


class NoSuchHelper(Exception):
    """The account is no helper who can be sent, and why."""


def _see(event: SosEvent, dispatcher: User) -> None:
    event.acknowledged_at, event.acknowledged_by = now(), dispatcher


def _done(event: SosEvent, dispatcher: User, kind: JournalKind, data: Data = NOTHING) -> SosEvent:
    """Saves a held open event and journals what was done, the last step of its transaction."""
    return _save(event, Entry(event.pk, kind, dispatcher.pk, data))


def _save(event: SosEvent, *entries: Entry) -> SosEvent:
    schedule(event)
    journal.tell(event, *entries)
    return event


@transaction.atomic
def acknowledge(event: SosEvent, dispatcher: User) -> SosEvent:
    """Silences the alarms to dispatchers for three minutes, never the calls to helpers. Raises StepMakesNoSense."""
    event = hold_open(event)
    _see(event, dispatcher)
    return _done(event, dispatcher, JournalKind.EVENT_ACKNOWLEDGED)


@transaction.atomic
def add_note(event: SosEvent, dispatcher: User, text: str) -> EventNote:
    """Writes something down, also about a closed event. It silences no alarm: a note may be about what is not done."""
    event = hold(event)
    note = EventNote.objects.create(event=event, author=dispatcher, text=text, created_at=now())
    journal.tell(event, Entry(event.pk, JournalKind.NOTE_ADDED, dispatcher.pk, NoteAdded(note.pk)))
    return note


@transaction.atomic
def hand_over(event: SosEvent, dispatcher: User, to: Service) -> SosEvent:
    """An emergency service has been told; the event stays open. Raises StepMakesNoSense."""
    event = hold_open(event)
    _see(event, dispatcher)
    event.handed_over_to = to
    return _done(event, dispatcher, JournalKind.HANDED_OVER, HandedOver(to))


@transaction.atomic
def call_next_wave(event: SosEvent, dispatcher: User) -> SosEvent:
    """Calls the next wave now, whatever its time, who is coming, or why calling was halted. Raises StepMakesNoSense."""
    event = hold_open(event)
    if event.position is None:
        raise StepMakesNoSense("The place is not known.", event)
    _see(event, dispatcher)
    event.halted, event.unconfirmed_until = "", None
    step = decide.next_wave(Step(facts_of(event)), unanswered=True)
    rung = ring_again(event, step.again)
    entries, chosen = call(event, step.search) if step.search else ([], Chosen())
    put(event, step.facts)
    event.replacements_due += chosen.short
    event.wave_at = step.facts.at + decide.wait_after(step.facts, bool(chosen.helpers or rung))
    return _save(event, *(journal.by(entry, dispatcher) for entry in entries), *rung)


@transaction.atomic
def assign(event: SosEvent, dispatcher: User, helper: User, confirmed_by: str = "") -> HelperAlert:
    """Sends a helper, called or not, beyond those who are enough.

    They are ASSIGNED until they accept, or the dispatcher has their word for it (`confirmed_by`: how, such as "phone").
    Doing so again rings them again, at most once a minute. Raises NoSuchHelper, StepMakesNoSense.
    """
    event = hold_open(event)
    if helper.role != Role.HELPER or helper.status != Status.ACTIVE or helper.pk == event.user_id:
        raise NoSuchHelper("Is no active helper who could be sent there.")
    alert = _alert_of(event, helper)
    if alert.status in COMING:
        return alert
    can_go = claims.comes if confirmed_by else claims.is_sent
    if not can_go(event, helper.pk):
        raise StepMakesNoSense(decide.ELSEWHERE.why, event, alert)
    entries = _send(alert, dispatcher) + (_confirm(alert, dispatcher, confirmed_by) if confirmed_by else [])
    if entries:
        _see(event, dispatcher)
        _save(event, *entries)
    return alert


def _alert_of(event: SosEvent, helper: User) -> HelperAlert:
    fresh = {"wave": 0, "rings": 0, "created_at": now(), "rung_at": now()}
    alert, _ = HelperAlert.objects.select_for_update().get_or_create(event=event, helper=helper, defaults=fresh)
    alert.event = event
    return alert


def _send(alert: HelperAlert, dispatcher: User) -> list[Entry]:
    """Rings them by push and text message at once; nothing while the last such ring covers the event."""
    at = now()
    if alert.status == AlertStatus.ASSIGNED and alert.rung_at > at - ASSIGNED_COVERS:
        return []
    alert.status, alert.asked_at, alert.rung_at, alert.rings = AlertStatus.ASSIGNED, None, at, alert.rings + 1
    measure(alert)
    alert.save()
    ring_assigned(alert)
    return [Entry(alert.event_id, JournalKind.HELPER_ASSIGNED, dispatcher.pk, OfHelper(alert.helper_id))]


def _confirm(alert: HelperAlert, dispatcher: User, confirmed_by: str) -> list[Entry]:
    """The dispatcher has heard from them that they come."""
    facts = facts_of(alert.event, alert.helper_id)
    others = carry_out(alert.event, alert, decide.answer(facts, facts.helper(alert.helper_id), AlertStatus.ACCEPTED))
    data = Accepted(alert.helper_id, confirmed_by)
    return [Entry(alert.event_id, JournalKind.HELPER_ACCEPTED, dispatcher.pk, data), *others]


@transaction.atomic
def resolve(event: SosEvent, dispatcher: User, outcome: Outcome, note: str = "") -> SosEvent:
    """Closes an event. Raises StepMakesNoSense when it is closed."""
    event = hold_open(event)
    kept = EventNote.objects.create(event=event, author=dispatcher, text=note, created_at=now()) if note else None
    return close(event, EventStatus.RESOLVED, outcome, dispatcher, kept)


@transaction.atomic
def reopen(event: SosEvent, dispatcher: User) -> SosEvent:
    """A closed event goes on where it was: those stood down are called again. Raises StepMakesNoSense when it is open,
    or when its wearer has been erased.
    """
    event = hold(event)
    if event.is_open:
        raise StepMakesNoSense("The event is open.", event)
    if event.user.status == Status.ERASED:
        raise StepMakesNoSense("The wearer's account is erased.", event)
    event.status, event.outcome, event.closed_at = EventStatus.NEW, "", None
    event.contacts_alarmed_at = event.unconfirmed_until = None
    event.wave_at = now()
    _see(event, dispatcher)
    return _done(event, dispatcher, JournalKind.EVENT_REOPENED)
