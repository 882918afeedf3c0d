"""Every look at the exact place of somebody's event is kept, so that they can know who has seen it."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models.functions import Now

from apps.users.models import User

from ..kinds import COMING
from ..models import HelperAlert, Look, SosEvent
from ..queries.privacy import Sight, sight_of

LASTS = timedelta(minutes=5)  # a screen that stays open, and asks again and again, is one look


def keep_looks(events: Sequence[SosEvent], viewer: User) -> None:
    """`viewer` is about to be shown these (`queries.events.with_people`); one's own place is no secret from oneself."""
    others = [event for event in events if event.user_id != viewer.pk and event.position is not None]
    seen = [event for event in others if _sees(viewer, event)]
    recent = Look.objects.filter(viewer=viewer, event__in=[event.pk for event in seen], at__gt=Now() - LASTS)
    looked_at = set(recent.values_list("event_id", flat=True)) if seen else set()
    Look.objects.bulk_create(Look(event=event, viewer=viewer, at=Now()) for event in seen if event.pk not in looked_at)


def _sees(viewer: User, event: SosEvent) -> bool:
    alert = None if viewer.is_dispatcher else _own_alert(event, viewer)
    return sight_of(event, viewer, alert) in {Sight.ALL, Sight.EXACT}


def keep_look_of_answer(alert: HelperAlert) -> None:
    """The answer to somebody who is coming tells them the place."""
    if alert.status in COMING and alert.event.position is not None:
        Look.objects.create(event=alert.event, viewer_id=alert.helper_id, at=Now())


def _own_alert(event: SosEvent, viewer: User) -> HelperAlert | None:
    return next((alert for alert in event.alerts.all() if alert.helper_id == viewer.pk), None)
