"""Chooses helpers, calls them, calls them again, and sends them home."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now

from apps.notifications.kinds import MessageKind
from apps.notifications.models import Urgency
from apps.notifications.rules.queueing import notify
from mdd_backend.database import prepared
from mdd_backend.database.clock import now

from .. import claims
from ..journal import Entry
from ..journal.entries import RungAgain, WaveCalled
from ..kinds import AlertStatus, JournalKind
from ..models import HelperAlert, SosEvent
from ..queries.facts import Helper
from ..queries.privacy import coarse
from .decide import Search
from .messages import alert_data, data_of
from .search import Chosen, choose, choose_again


def call(event: SosEvent, search: Search) -> tuple[list[Entry], Chosen]:
    """Calls the nearest who may be called: a claim, an alert and a message for each, in the caller's transaction.

    A wave is journaled although it finds nobody, a replacement is not.
    """
    chosen = choose(event, search.radius_m, search.helpers)
    helpers, at = chosen.helpers, now()
    alerts = [
        HelperAlert(
            event=event,
            helper_id=helper.user_id,
            wave=search.wave,
            distance_m=helper.distance_m,
            area_distance_m=coarse(helper.area_distance_m),
            created_at=at,
            rung_at=at,
        )
        for helper in helpers
    ]
    if alerts:
        prepared.insert(*alerts)
    words = {helper.user_id: alert_data(event, coarse(helper.area_distance_m)) for helper in helpers}
    is_first = search.wave == 1 and not claims.can_wait(event)
    _ring(event, words, urgency=Urgency.FIRST if is_first else Urgency.USUAL)
    called = {str(helper.user_id): round(helper.distance_m) for helper in helpers}
    data = WaveCalled(search.wave, search.radius_m, called, replaces=search.replaces or None)
    entry = Entry(event.pk, JournalKind.WAVE_CALLED, data=data)
    return [entry] if helpers or not search.replaces else [], chosen


def _ring(event: SosEvent, data: dict[int, dict[str, str]], ring: int = 1, urgency: Urgency = Urgency.USUAL) -> None:
    if data:
        notify(MessageKind.SOS_ALERT, event.uid, data, occasion=ring, urgency=urgency, text_after=text_after(event))


def ring_assigned(alert: HelperAlert) -> None:
    """Whom a dispatcher sends is told by push and text message at once."""
    event = alert.event
    data = (
        data_of(event, MessageKind.ASSIGNED)
        if event.lat is None
        else alert_data(event, alert.area_distance_m, MessageKind.ASSIGNED)
    )
    notify(MessageKind.ASSIGNED, event.uid, {alert.helper_id: data}, occasion=alert.rings, text_after=timedelta())


def text_after(event: SosEvent) -> timedelta:
    """How long after a push the text message in its place goes out."""
    return timedelta(seconds=event.plan["receipt_timeout_s"])


def ring_again(event: SosEvent, helpers: Sequence[Helper]) -> list[Entry]:
    """Rings those of `helpers`, called before, who may still be called: none who is off duty or busy by now."""
    if not helpers:
        return []
    alerts = choose_again(event, event.alerts.filter(helper_id__in=[helper.id for helper in helpers]))
    if not alerts:
        return []
    for alert in alerts:
        data = alert_data(event, alert.area_distance_m or coarse(alert.distance_m or 0))
        _ring(event, {alert.helper_id: data}, ring=alert.rings + 1)
    again = HelperAlert.objects.filter(pk__in=[alert.pk for alert in alerts])
    again.update(status=AlertStatus.NOTIFIED, rings=F("rings") + 1, rung_at=Now())
    rung = [alert.helper_id for alert in alerts]
    return [Entry(event.pk, JournalKind.HELPERS_RUNG_AGAIN, data=RungAgain(rung))]


def stand_down(event: SosEvent, states: Sequence[AlertStatus]) -> list[int]:
    """Tells those whose alert is in one of `states` that they are needed no more; their user ids."""
    called = event.alerts.filter(status__in=states)
    rings_by_helper = dict(called.values_list("helper_id", "rings"))
    called.update(status=AlertStatus.STOOD_DOWN, asked_at=None)
    claims.release(event, sorted(rings_by_helper))
    for rings in set(rings_by_helper.values()):
        people = [helper_id for helper_id, helper_rings in rings_by_helper.items() if helper_rings == rings]
        data = {helper_id: data_of(event, MessageKind.STAND_DOWN) for helper_id in people}
        notify(MessageKind.STAND_DOWN, event.uid, data, occasion=rings, text_after=text_after(event))
    return sorted(rings_by_helper)
