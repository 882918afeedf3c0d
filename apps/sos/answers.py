"""What a called helper answers, step by step (the second table of docs/dispatch.md)."""

from django.db import transaction

from apps.users.models import User
from mdd_backend.clock import now

from . import journal
from .alarms import alarm_dispatchers, tell_coming, tell_wearer
from .closing import StepMakesNoSense, hold
from .dispatch import stand_down
from .escalation import schedule
from .journal import Entry
from .models import COMING, NEXT_ANSWERS, AlertStatus, Halt, HelperAlert, JournalKind, SosEvent
from .movement import metres_between

NO_MORE_CALLED = {
    Halt.UNSAFE: "The place was found unsafe; a dispatcher decides.",
    Halt.ALL_DONE: "Help has been given.",
    Halt.WEARER_FINE: "The wearer says that they are fine.",
}


@transaction.atomic
def answer_alert(event: SosEvent, helper: User, answer: AlertStatus) -> HelperAlert:
    """A called helper says what they do. Saying the same twice changes nothing. Raises StepMakesNoSense."""
    event = hold(event)
    alert = HelperAlert.objects.select_for_update().select_related("helper").get(event=event, helper=helper)
    alert.event = event
    if alert.status == answer and alert.asked_at is None:
        return alert
    _refuse(event, alert, answer)
    _move(alert, answer)
    entries = _follow(event, alert, answer)
    event.follow_helpers()
    schedule(event)
    journal.tell(event, Entry(event.pk, JournalKind(f"HELPER_{answer}"), helper.pk), *entries)
    return alert


def _refuse(event: SosEvent, alert: HelperAlert, answer: AlertStatus) -> None:
    """Raises StepMakesNoSense for what cannot be answered now."""
    if not event.is_open:
        raise StepMakesNoSense("The event is closed.", event, alert)
    if answer == alert.status:
        return
    if answer not in NEXT_ANSWERS[alert.status]:
        raise StepMakesNoSense(f"{alert.status} cannot become {answer}.", event, alert)
    if answer == AlertStatus.ACCEPTED and event.halted:
        raise StepMakesNoSense(NO_MORE_CALLED[Halt(event.halted)], event, alert)
    if answer == AlertStatus.ACCEPTED and event.has_enough_helpers():
        raise StepMakesNoSense("Enough helpers are on their way.", event, alert)


def _move(alert: HelperAlert, answer: AlertStatus) -> None:
    alert.status, alert.answered_at, alert.asked_at = answer, now(), None
    if answer in COMING:
        seen = metres_between(alert.event, alert.helper_id)
        alert.progress_at, alert.progress_m = alert.answered_at, seen and seen[0]
    if answer == AlertStatus.ACCEPTED:
        alert.accepted_at = alert.answered_at
    alert.save()


def _follow(event: SosEvent, alert: HelperAlert, answer: AlertStatus) -> list[Entry]:
    """What an answer brings about beside itself."""
    match answer:
        case AlertStatus.ACCEPTED:
            tell_wearer(event, "HELP_COMING", ring=alert.pk)
            return stand_others_down(event)
        case AlertStatus.EN_ROUTE | AlertStatus.ON_SCENE:
            return stand_others_down(event)
        case AlertStatus.DECLINED:
            event.replacements_due += 1
        case AlertStatus.WITHDRAWN:
            event.wave_at = now()  # others are called at once
        case AlertStatus.DONE if not event.is_anybody_coming():
            return _halt(event, Halt.ALL_DONE)
        case AlertStatus.UNSAFE:
            tell_coming(event, "PLACE_UNSAFE", ring=alert.pk)
            return _halt(event, Halt.UNSAFE)
    return []


def stand_others_down(event: SosEvent) -> list[Entry]:
    """Those who have not answered are needed no more once enough come."""
    return _stand_down(event) if event.is_covered() else []


def _stand_down(event: SosEvent) -> list[Entry]:
    gone = stand_down(event, [AlertStatus.NOTIFIED])
    return [Entry(event.pk, JournalKind.HELPERS_STOOD_DOWN, data={"stood_down": gone})] if gone else []


def _halt(event: SosEvent, why: Halt) -> list[Entry]:
    event.halted = why
    return [*_stand_down(event), alarm_dispatchers(event, why)]
