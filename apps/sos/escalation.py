"""Takes an event's next due step: the next wave of its plan, until enough helpers have accepted or it closes."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from mdd_backend import hints

from . import journal
from .dispatch import call_wave
from .models import JournalKind, SosEvent


@transaction.atomic
def take_due_step(event_id: int, *, wait_for_row: bool = True) -> bool:
    """Takes the step if it is due; False when it is not (taken already, closed, or another holds the row)."""
    due = SosEvent.objects.due().filter(pk=event_id)
    event = due.select_for_update(no_key=True, skip_locked=not wait_for_row).first()
    if event is None:
        return False
    if event.has_enough_helpers():
        _come_back(event, event.plan["repeat_s"])
    elif event.position is None:
        _come_back(event, event.plan["repeat_s"])
        journal.write(journal.Entry(event.pk, JournalKind.PLACE_UNKNOWN))
    else:
        _call_next_wave(event)
    return True


def _call_next_wave(event: SosEvent) -> None:
    """After the last wave the same ring is searched again and again; one that finds nobody is followed at once."""
    waves = event.plan["waves"]
    wave = waves[min(event.waves_called, len(waves) - 1)]
    found = call_wave(event, wave)
    event.waves_called += 1
    last = event.waves_called >= len(waves)
    wait_s = wave["wait_s"] if found else 0
    _come_back(event, event.plan["repeat_s"] if last else wait_s)
    if not found and not last:
        hints.task("sos.escalation_watch", event.pk)
    helpers = {str(near.user_id): round(near.distance_m) for near in found}
    data = {"wave": event.waves_called, "radius_m": wave["radius_m"], "helpers": helpers}
    journal.write(journal.Entry(event.pk, JournalKind.WAVE_CALLED, data=data))


def _come_back(event: SosEvent, seconds: int) -> None:
    SosEvent.objects.filter(pk=event.pk).update(
        next_step_at=Now() + timedelta(seconds=seconds), waves_called=event.waves_called
    )
