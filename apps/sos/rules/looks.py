"""Every look at the exact place of somebody's event is kept, so that they can know who has seen it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.users.kinds import Way
from apps.users.models import User
from apps.users.rules import looks

from ..kinds import COMING, OPEN
from ..models import HelperAlert, SosEvent
from ..queries.privacy import CURRENT_FOR, Sight, is_current, sight_of

FEED_TOLD_FOR = timedelta(minutes=2)


def current_events_of(people: Iterable[int]) -> Mapping[int, UUID]:
    """By person, the newest of their events that is open or was closed within the hour."""
    events = SosEvent.objects.filter(user__in=list(people)).filter(
        Q(closed_at=None) | Q(closed_at__gt=timezone.now() - CURRENT_FOR)
    )
    return dict(events.order_by("pk").values_list("user_id", "uid"))


def keep_looks(events: Sequence[SosEvent], viewer: User, way: Way = Way.API) -> None:
    """`viewer` is about to be shown these (`queries.events.with_people`); one's own place is no secret from oneself."""
    seen = [event for event in events if event.user_id != viewer.pk and _sees(viewer, event)]
    looks.note(viewer.pk, {event.user_id: event.uid for event in seen if is_current(event)}, way)
    past = {event.user_id for event in seen if not is_current(event)}
    if past:
        looks.look(viewer, past, way, viewer.look_reason)


def is_told_by_feed(event: SosEvent) -> bool:
    """Whether the feed tells its place: then whoever follows has seen it (`keep_feed_looks`)."""
    return event.is_open or event.received_at > timezone.now() - FEED_TOLD_FOR


def keep_looks_at_called(event: SosEvent, viewer: User) -> None:
    """`viewer` is about to be shown where those called are (`queries.events.with_people`), as long as it is open."""
    called: Iterable[Any] = event.alerts.all() if event.is_open else []
    looks.note(viewer.pk, {alert.helper_id: event.uid for alert in called if alert.place is not None}, Way.MAP)


def keep_feed_looks(viewer: int) -> None:
    """A dispatcher (id) follows the feed: they are shown every event that is open, or was opened a moment ago."""
    is_shown = Q(status__in=OPEN) | Q(received_at__gt=timezone.now() - FEED_TOLD_FOR)
    events = SosEvent.objects.filter(is_shown).exclude(user=viewer)
    looks.note(viewer, dict(events.order_by("pk").values_list("user_id", "uid")), Way.FEED)


def _sees(viewer: User, event: SosEvent) -> bool:
    alert = None if viewer.is_dispatcher else _own_alert(event, viewer)
    return sight_of(event, viewer, alert) in {Sight.ALL, Sight.EXACT}


def keep_look_of_answer(alert: HelperAlert) -> None:
    """The answer to somebody who is coming tells them the place."""
    if alert.status in COMING and alert.event.position is not None:
        looks.note(alert.helper_id, {alert.event.user_id: alert.event.uid}, Way.API)


def _own_alert(event: SosEvent, viewer: User) -> HelperAlert | None:
    return next((alert for alert in event.alerts.all() if alert.helper_id == viewer.pk), None)
