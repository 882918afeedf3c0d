"""What a called helper answers, step by step (the second table of docs/dispatch.md)."""

from django.db import transaction

from apps.notifications.kinds import AlarmReason, MessageKind
from apps.users.models import User
from mdd_backend.clock import now

from .. import journal
from ..journal import Entry
from ..kinds import COMING, NEXT_ANSWERS, OPEN, AlertStatus, Halt, JournalKind
from ..locks import hold_helper
from ..models import HelperAlert, SosEvent
from .alarms import alarm_dispatchers, tell_coming, tell_wearer
from .closing import StepMakesNoSense, hold
from .due_step import schedule
from .movement import metres_between, was_seen_near
from .waves import stand_down

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
    entries = carry_out(event, alert, answer)
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
    if answer == AlertStatus.ACCEPTED:
        _refuse_to_come(event, alert)


def _refuse_to_come(event: SosEvent, alert: HelperAlert) -> None:
    """Whom a dispatcher has sent may come although others are enough, and whatever had halted the calling."""
    refuse_second_emergency(event, alert)
    if alert.status == AlertStatus.ASSIGNED:
        return
    if event.halted:
        raise StepMakesNoSense(NO_MORE_CALLED[Halt(event.halted)], event, alert)
    if event.cover().has_enough:
        raise StepMakesNoSense("Enough helpers are on their way.", event, alert)


def refuse_second_emergency(event: SosEvent, alert: HelperAlert) -> None:
    """Raises StepMakesNoSense while the helper is coming to another open event; a drill gives way to an emergency."""
    hold_helper(alert.helper_id)
    elsewhere = HelperAlert.objects.filter(helper=alert.helper_id, status__in=COMING, event__status__in=OPEN)
    if not event.is_drill:
        elsewhere = elsewhere.exclude(event__is_drill=True)
    if elsewhere.exclude(event=event).exists():
        raise StepMakesNoSense("The helper is on the way to another event.", event, alert)


def carry_out(event: SosEvent, alert: HelperAlert, answer: AlertStatus) -> list[Entry]:
    """Moves the alert to an answer that fits; what else it brings about. The caller saves the event."""
    _move(alert, answer)
    return _follow(event, alert, answer)


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
            tell_wearer(event, MessageKind.HELP_COMING, ring=alert.pk)
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
            return _unsafe(event, alert)
    return []


def _unsafe(event: SosEvent, alert: HelperAlert) -> list[Entry]:
    """Whoever was seen there is believed at once; from afar it is for dispatchers to judge, and others are called."""
    event.unsafe_reported_at = now()
    if was_seen_near(event, alert.helper_id, event.unsafe_reported_at):
        tell_coming(event, MessageKind.PLACE_UNSAFE, ring=alert.pk)
        return _halt(event, Halt.UNSAFE)
    event.wave_at = event.unsafe_reported_at
    return [alarm_dispatchers(event, AlarmReason.REPORTED_UNSAFE)]


def stand_others_down(event: SosEvent) -> list[Entry]:
    """Those who have not answered are no longer needed once enough come."""
    return _stand_down(event, AlertStatus.NOTIFIED) if event.cover().is_certain else []


def _stand_down(event: SosEvent, *states: AlertStatus) -> list[Entry]:
    helpers = stand_down(event, states)
    return [Entry(event.pk, JournalKind.HELPERS_STOOD_DOWN, data={"stood_down": helpers})] if helpers else []


def _halt(event: SosEvent, why: Halt) -> list[Entry]:
    event.halted = why
    return [*_stand_down(event, AlertStatus.NOTIFIED, AlertStatus.ASSIGNED), alarm_dispatchers(event, AlarmReason(why))]
