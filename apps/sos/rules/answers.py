"""What a called helper answers, step by step (the second table of docs/dispatch.md)."""

from collections.abc import Sequence

from django.db import transaction

from apps.notifications.kinds import MessageKind
from apps.users.models import User

from .. import claims, journal
from ..journal import NOTHING, Entry
from ..journal.entries import Accepted, StoodDown
from ..kinds import AlertStatus, JournalKind
from ..models import HelperAlert, SosEvent
from ..queries.gather import facts_of, put
from . import decide
from .alarms import alarm_dispatchers, tell_coming, tell_wearer
from .closing import StepMakesNoSense, hold
from .decide import Answered
from .due_step import save
from .waves import stand_down


@transaction.atomic
def answer_alert(event: SosEvent, helper: User, answer: AlertStatus) -> HelperAlert:
    """A called helper says what they do. Saying the same twice changes nothing. Raises StepMakesNoSense."""
    event = hold(event)
    alert = HelperAlert.objects.select_for_update().select_related("helper").get(event=event, helper=helper)
    alert.event = event
    if alert.status == answer and alert.asked_at is None:
        return alert
    facts = facts_of(event, helper.pk)
    is_elsewhere = answer == AlertStatus.ACCEPTED and not claims.comes(event, helper.pk)
    refusal = decide.refuse(facts, facts.helper(helper.pk), answer, is_elsewhere=is_elsewhere)
    if refusal:
        raise StepMakesNoSense(refusal.why, event, alert)
    answered = decide.answer(facts, facts.helper(helper.pk), answer)
    entries = carry_out(event, alert, answered)
    save(event, answered.facts)
    data = Accepted() if answer == AlertStatus.ACCEPTED else NOTHING
    journal.tell(event, Entry(event.pk, JournalKind(f"HELPER_{answer}"), helper.pk, data), *entries)
    return alert


def carry_out(event: SosEvent, alert: HelperAlert, answered: Answered) -> list[Entry]:
    """Moves the alert to what was answered, and does what else that brings about. The caller saves the event."""
    put(event, answered.facts)
    _move(alert, answered)
    if answered.helper.status == AlertStatus.UNSAFE:
        event.unsafe_reported_at = answered.facts.at
    if answered.wearer_told:
        tell_wearer(event, MessageKind.HELP_COMING, occasion=alert.pk)
    if answered.others_warned:
        tell_coming(event, MessageKind.PLACE_UNSAFE, occasion=alert.pk)
    entries = _stand_down(event, answered.stand_down)
    return entries + ([alarm_dispatchers(event, answered.alarm, answered.facts.at)] if answered.alarm else [])


def _move(alert: HelperAlert, answered: Answered) -> None:
    helper = answered.helper
    alert.status, alert.asked_at, alert.answered_at = helper.status, helper.asked_at, answered.facts.at
    if helper.is_coming:
        alert.progress_at, alert.progress_m = helper.progress_at, helper.progress_m
    else:
        claims.release(alert.event, [alert.helper_id])
    if helper.status == AlertStatus.WITHDRAWN:
        claims.note_withdrawal(alert.helper_id)
    if helper.status == AlertStatus.ACCEPTED:
        alert.accepted_at = alert.answered_at
    alert.save()


def _stand_down(event: SosEvent, states: Sequence[AlertStatus]) -> list[Entry]:
    helpers = stand_down(event, states) if states else []
    return [Entry(event.pk, JournalKind.HELPERS_STOOD_DOWN, data=StoodDown(helpers))] if helpers else []
