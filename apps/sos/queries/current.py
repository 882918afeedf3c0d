"""The short state of somebody's own emergencies, for a watch that asks every few seconds whether help is coming."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.db.models.functions import Now

from apps.devices.models import Device
from apps.notifications.kinds import MessageKind
from apps.notifications.models import Notification, State
from apps.users.models import User

from ..kinds import COMING, OPEN
from ..models import HelperAlert, SosEvent
from .live import Help, help_for

MOST = 3
CLOSED_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class CurrentEvent:
    """One event with who was told of it: helpers called, phones that have shown it, contacts texted."""

    event: SosEvent
    help: Help
    helpers_called: int
    phones_reached: int
    contacts_told: int


@dataclass(frozen=True)
class Current:
    """The newest events, open ones first, and in how many seconds to ask again."""

    events: Sequence[CurrentEvent]
    is_open: bool
    ask_again_s: int


def current_of(user: User, device: Device | None = None) -> Current:
    """The person's own events, or the device's: at most three that are open or were closed within the hour."""
    own = SosEvent.objects.filter(user=user)
    own = own.filter(device=device) if device else own
    recent = own.filter(Q(status__in=OPEN) | Q(closed_at__gt=Now() - CLOSED_SHOWN_FOR))
    newest_open_first = (F("closed_at").desc(nulls_first=True), "-pk")
    called = recent.annotate(helpers_called=Count("alerts"))
    events: list[Any] = list(called.prefetch_related(Prefetch("alerts", _coming())).order_by(*newest_open_first)[:MOST])
    is_open = any(event.is_open for event in events)
    wait_s = settings.LOCATION_INTERVAL_SOS_S if is_open else settings.STATUS_INTERVAL_S
    return Current(_with_counts(events), is_open, wait_s)


def _coming() -> QuerySet[HelperAlert]:
    """Those who come, and where they are: of a hundred called a watch is told the number only."""
    return HelperAlert.objects.filter(status__in=COMING).annotate(place=F("helper__helper_position__position"))


def _with_counts(events: Sequence[Any]) -> list[CurrentEvent]:
    messages = Notification.objects.filter(event_uid__in=[event.uid for event in events])
    reached = Q(kind=MessageKind.SOS_ALERT, state__in=[State.RECEIVED, State.READ])
    counts = (
        messages.order_by()
        .values("event_uid")
        .annotate(
            phones=Count("user", filter=reached, distinct=True),
            contacts=Count("contact_id", filter=Q(kind=MessageKind.CONTACT_ALARM), distinct=True),
        )
    )
    by_event = {row["event_uid"]: (row["phones"], row["contacts"]) for row in counts}
    return [
        CurrentEvent(event, help_for(event), event.helpers_called, *by_event.get(event.uid, (0, 0))) for event in events
    ]
