"""What the database tells about how well the service does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from django.db.models.functions import Now

from apps.notifications.models import Channel, Notification, NotificationChange, State
from apps.notifications.rules.addresses import NOBODY
from apps.sos.models import ConsolePresence, SosEvent
from apps.sos.sql import CONSOLE_SEEN
from mdd_backend.database.clock import now

from ..models import Pulse

ERRORS_WITHIN = timedelta(minutes=5)
CHANGES_MOST = 5000  # the newest changes that are looked through: the log has no index by time
_NO_FAULT_OF_THE_PROVIDER = [*NOBODY.values(), "contact removed", "404 UNREGISTERED"]


@dataclass(frozen=True)
class Overdue:
    """How many rows are due and not done yet, and for how many seconds the oldest has been."""

    count: int
    oldest_s: float


def overdue_events() -> Overdue:
    """Events whose step is due and not taken: how many, and for how many seconds the oldest has waited."""
    totals = SosEvent.objects.due().aggregate(count=Count("pk"), oldest=Min("next_step_at"))
    return Overdue(totals["count"], age_s(totals["oldest"]) or 0.0)


def overdue_notifications() -> Overdue:
    """The same of messages that are due and not sent."""
    due = Notification.objects.filter(state=State.QUEUED, due_at__lte=Now())
    totals = due.aggregate(count=Count("pk"), oldest=Min("due_at"))
    return Overdue(totals["count"], age_s(totals["oldest"]) or 0.0)


def seen_at(name: str) -> datetime | None:
    """When the process of that name last gave a sign of life."""
    return Pulse.objects.filter(pk=name).values_list("seen_at", flat=True).first()


def age_s(time: datetime | None) -> float | None:
    """Seconds since then, by PostgreSQL's clock."""
    return None if time is None else round(max(0.0, (now() - time).total_seconds()), 1)


def dispatchers_connected() -> int:
    """How many dispatchers have a console that was seen within 45 s."""
    return ConsolePresence.objects.filter(seen_at__gt=Now() - CONSOLE_SEEN).count()


def is_any_event_open() -> bool:
    """Whether any event is open; drills do not count."""
    return bool(SosEvent.objects.open().filter(is_drill=False).exists())


def provider_errors() -> dict[str, int]:
    """By channel, messages that failed within five minutes or wait for another try: for a fault of the provider's."""
    newest = NotificationChange.objects.order_by("-pk").values("pk")[:CHANGES_MOST]
    failed = NotificationChange.objects.filter(
        ~Q(reason__in=_NO_FAULT_OF_THE_PROVIDER), pk__in=newest, state=State.FAILED, at__gt=Now() - ERRORS_WITHIN
    )
    waiting = Notification.objects.filter(state=State.QUEUED, attempts__gt=0).exclude(reason="")
    errors = dict.fromkeys(Channel.values, 0)
    for channel in [
        *failed.values_list("notification__channel", flat=True),
        *waiting.values_list("channel", flat=True),
    ]:
        errors[channel] += 1
    return errors
