"""Takes an event's next due step: whatever of its plan's timers has run out, until somebody comes or it closes."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.notifications.kinds import AlarmReason
from mdd_backend import hints, prepared
from mdd_backend.clock import now
from mdd_backend.prepared import Prepared, given

from .. import journal
from ..journal import Entry
from ..kinds import DetectedType, EventStatus, JournalKind, Outcome
from ..models import Cover, SosEvent
from .alarms import alarm_contacts, alarm_dispatchers, console_is_connected, contacts_at, next_alarm_at
from .closing import close
from .movement import follow_wearer, watch_helpers
from .waves import call_next_wave, replace_helpers, ring_again, ring_repeated, wait_after

WATCH_S = 60  # between two looks at those who are coming
SOUGHT_S = 15  # between two looks for the place of an event that has none


@transaction.atomic
def take_due_step(event_id: int, *, wait_for_row: bool = True) -> bool:
    """Takes the step if it is due; False when it is not (taken already, closed, or another holds the row)."""
    event = (_DUE if wait_for_row else _DUE_AND_FREE).first(pk=event_id)
    if event is None:
        return False
    if event.detected_type == DetectedType.TEST:
        close(event, EventStatus.RESOLVED, Outcome.NO_HELP_NEEDED, actor=None)
        return True
    at = now()
    entries = follow_wearer(event, at)
    anybody = event.is_anybody_called()  # before the first wave there is nobody to look after
    entries += _watch(event, at) if anybody else []
    entries += _call(event, at, anybody)
    cover = event.cover()
    entries += _alarm(event, at, cover)
    schedule(event, at, cover)
    journal.tell(event, *entries)
    return True


def _due(*, skip_locked: bool) -> Prepared[SosEvent]:
    return Prepared(
        lambda: SosEvent.objects.due().filter(pk=given("pk")).select_for_update(no_key=True, skip_locked=skip_locked)
    )


_DUE, _DUE_AND_FREE = _due(skip_locked=False), _due(skip_locked=True)


def _watch(event: SosEvent, at: datetime) -> list[Entry]:
    entries = watch_helpers(event, at)
    if entries:
        event.wave_at = at  # others are called at once
    event.follow_helpers()
    return entries


def _call(event: SosEvent, at: datetime, anybody: bool) -> list[Entry]:
    """Helpers, if any are to be called now; `anybody`: has been before."""
    if event.halted:
        return []
    if event.position is None:
        return _seek_place(event, at)
    if anybody and event.cover().pauses_calls:
        event.replacements_due = 0
        return []
    entries = ring_repeated(event) if anybody else []
    if event.wave_at <= at:
        entries += _call_wave(event, at, anybody)
    elif event.replacements_due:
        entry, found = replace_helpers(event)
        entries += [entry] if found else []
    return entries


def _call_wave(event: SosEvent, at: datetime, anybody: bool) -> list[Entry]:
    """The next wave, with whoever can be rung again."""
    last = len(event.plan["waves"])
    entries = ring_again(event, unanswered=event.waves_called >= last) if anybody else []
    entry, found = call_next_wave(event)
    event.replacements_due = 0
    event.wave_at = at + wait_after(event, bool(found or entries))
    if event.waves_called == 1 and not found:
        entries += alarm_contacts(event)
    if event.waves_called == last and not event.is_anybody_called():
        entries.append(alarm_dispatchers(event, AlarmReason.NOBODY_NEAR))
    return [entry, *entries]


def _seek_place(event: SosEvent, at: datetime) -> list[Entry]:
    """Nobody can be sent to a place that nobody knows: dispatchers and contacts must find out."""
    event.wave_at = at + timedelta(seconds=SOUGHT_S)
    if event.dispatchers_alarmed_at:
        return []
    entry = Entry(event.pk, JournalKind.PLACE_UNKNOWN)
    return [entry, alarm_dispatchers(event, AlarmReason.PLACE_UNKNOWN), *alarm_contacts(event)]


def _alarm(event: SosEvent, at: datetime, cover: Cover) -> list[Entry]:
    """Dispatchers and contacts, if it is time."""
    entries: list[Entry] = []
    alarm_at = next_alarm_at(event, cover)
    if event.dispatchers_alarmed_at is None and event.acknowledged_at is None and not console_is_connected():
        entries.append(alarm_dispatchers(event, AlarmReason.NO_CONSOLE))
    elif alarm_at and alarm_at <= at:
        entries.append(alarm_dispatchers(event, AlarmReason(event.halted or AlarmReason.NOT_ACKNOWLEDGED)))
    contacts_due = contacts_at(event)
    if contacts_due and contacts_due <= at:
        entries += alarm_contacts(event)
    return entries


def schedule(event: SosEvent, at: datetime | None = None, cover: Cover | None = None) -> None:
    """Saves a locked open event with the time of its next step: there always is one."""
    at = at or now()
    event.next_step_at = min(time for time in _timers(event, at, cover or event.cover()) if time)
    prepared.update(event)
    if event.next_step_at <= at:
        hints.task("sos.escalation_watch", event.pk)


def _timers(event: SosEvent, at: datetime, cover: Cover) -> list[datetime | None]:
    calls = not event.halted and not cover.pauses_calls
    return [
        at + timedelta(seconds=event.plan["repeat_s"]),
        event.wave_at if calls else None,
        at if calls and event.replacements_due and event.position else None,
        at + timedelta(seconds=WATCH_S) if cover.is_anybody_coming else None,
        cover.lapses_at,
        next_alarm_at(event, cover),
        contacts_at(event),
    ]
