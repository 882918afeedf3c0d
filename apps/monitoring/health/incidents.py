"""The watch over ourselves: what is wrong for too long is told to the operators, once. Made by every sweep."""

from datetime import timedelta
from uuid import uuid4

import structlog
from django.db import transaction

from apps.notifications.kinds import MessageKind
from apps.notifications.rules.caps import caps_met
from apps.notifications.rules.queueing import notify
from apps.users.models import Role, Status, User
from mdd_backend.database.clock import now

from ..models import Incident, IncidentKind
from . import figures, pulse

log = structlog.get_logger(__name__)
EVERY = timedelta(seconds=5)
LATE_S = 5.0
PATIENCE = {
    IncidentKind.OVERDUE: timedelta(seconds=60),
    IncidentKind.NO_DISPATCHER: timedelta(seconds=10),
    IncidentKind.TEXTS_CAPPED: timedelta(),
}


def keep_watch() -> None:
    """Notes that a sweep is alive; that of several which does so looks."""
    if pulse.note(pulse.SWEEP, EVERY):
        look()


def look() -> None:
    follow(
        IncidentKind.OVERDUE, max(figures.overdue_events().oldest_s, figures.overdue_notifications().oldest_s) > LATE_S
    )
    follow(IncidentKind.NO_DISPATCHER, is_unwatched())
    follow(IncidentKind.TEXTS_CAPPED, caps_met())


def is_unwatched() -> bool:
    """An event is open, and no dispatcher's console is connected."""
    return figures.is_any_event_open() and not figures.dispatchers_connected()


@transaction.atomic
def follow(kind: IncidentKind, is_so: bool) -> None:
    if is_so:
        _go_on(kind)
    elif ended := Incident.objects.filter(pk=kind, over_at=None).select_for_update().first():
        ended.over_at = now()
        ended.save()
        if ended.alarmed_at:
            log.warning(
                "incident is over", kind=kind.value, seconds=round((ended.over_at - ended.since).total_seconds())
            )


def _go_on(kind: IncidentKind) -> None:
    at = now()
    Incident.objects.bulk_create([Incident(kind=kind, since=at, still_at=at)], ignore_conflicts=True)
    incident = Incident.objects.select_for_update().get(pk=kind)
    incident.go_on(at)
    if incident.is_alarm_due(PATIENCE[kind]):
        incident.alarmed_at = at
        _alarm_operators(kind)
    incident.save()


def _alarm_operators(kind: IncidentKind) -> None:
    """Every superuser, by push and text message at once; and whoever reads the log or Sentry."""
    operators = User.objects.filter(role=Role.ADMIN, status=Status.ACTIVE, is_superuser=True)
    data = {pk: {"text_key": "operators_alarm", "reason": kind.value} for pk in operators.values_list("pk", flat=True)}
    notify(MessageKind.OPERATORS_ALARM, None, data, occasion=str(uuid4()), text_after=timedelta())
    log.error("operators are alarmed", kind=kind.value, operators=len(data))
