"""Chooses helpers, calls them, calls them again, and sends them home."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from apps.notifications.kinds import MessageKind
from apps.notifications.models import Urgency
from apps.notifications.rules.queueing import notify
from mdd_backend import prepared
from mdd_backend.clock import now

from ..journal import Entry
from ..kinds import AlertStatus, JournalKind
from ..locks import hold_dispatch
from ..models import HelperAlert, SosEvent
from .messages import alert_data, data_of
from .privacy import coarse
from .search import NearHelper, nearest_helpers, passed_over, still_free

RINGS_MOST = 3
RING_AGAIN_AFTER = timedelta(seconds=60)


def call_next_wave(event: SosEvent) -> tuple[Entry, list[NearHelper]]:
    """Calls the next wave of a locked event's plan; after the last the same ring is searched again and again."""
    waves = event.plan["waves"]
    wave = waves[min(event.waves_called, len(waves) - 1)]
    event.waves_called += 1
    return _call(event, wave["radius_m"], wave["helpers"])


def wait_after(event: SosEvent, found: bool) -> timedelta:
    """From the wave just called to the next one: none when it found nobody and there is another."""
    waves = event.plan["waves"]
    if event.waves_called >= len(waves):
        return timedelta(seconds=event.plan["repeat_s"])
    return timedelta(seconds=waves[event.waves_called - 1]["wait_s"] if found else 0)


def replace_helpers(event: SosEvent) -> tuple[Entry, list[NearHelper]]:
    """Calls the next nearest, in the present ring, for those who declined or withdrew."""
    waves = event.plan["waves"]
    wave = waves[min(max(event.waves_called, 1), len(waves)) - 1]
    wanted, event.replacements_due = event.replacements_due, 0
    return _call(event, wave["radius_m"], wanted, replaces=True)


def _call(event: SosEvent, radius_m: int, helpers: int, **facts: Any) -> tuple[Entry, list[NearHelper]]:
    """An alert and a notification for each of the nearest, in the caller's transaction."""
    passed = passed_over(event, radius_m)
    hold_dispatch()
    found = nearest_helpers(event, radius_m, helpers)
    at = now()
    alerts = [
        HelperAlert(
            event=event,
            helper_id=near.user_id,
            wave=event.waves_called,
            distance_m=near.distance_m,
            area_distance_m=coarse(near.area_distance_m),
            created_at=at,
            rung_at=at,
        )
        for near in found
    ]
    if alerts:
        prepared.insert(*alerts)
    data = {near.user_id: alert_data(event, coarse(near.area_distance_m)) for near in found}
    _ring(event, data, urgency=Urgency.FIRST if event.waves_called == 1 else Urgency.USUAL)
    called = {str(near.user_id): round(near.distance_m) for near in found}
    told = {"wave": event.waves_called, "radius_m": radius_m, "helpers": called, "passed_over": passed} | facts
    return Entry(event.pk, JournalKind.WAVE_CALLED, data=told), found


def _ring(event: SosEvent, data: dict[int, dict[str, str]], ring: int = 1, urgency: Urgency = Urgency.USUAL) -> None:
    if data:
        notify(MessageKind.SOS_ALERT, event.uid, data, ring=ring, urgency=urgency, text_after=text_after(event))


def ring_assigned(alert: HelperAlert) -> None:
    """Whom a dispatcher sends is told by push and text message at once."""
    event = alert.event
    data = (
        data_of(event, MessageKind.ASSIGNED)
        if event.lat is None
        else alert_data(event, alert.area_distance_m, MessageKind.ASSIGNED)
    )
    notify(MessageKind.ASSIGNED, event.uid, {alert.helper_id: data}, ring=alert.rings, text_after=timedelta())


def text_after(event: SosEvent) -> timedelta:
    return timedelta(seconds=event.plan["receipt_timeout_s"])


def ring_again(event: SosEvent, *, unanswered: bool) -> list[Entry]:
    """Rings those stood down and, if asked, those who have not answered yet, twice at most and once a minute.

    Never who declined, nor who has gone off duty or to another event since.
    """
    hold_dispatch()
    waiting = Q(status=AlertStatus.STOOD_DOWN)
    if unanswered:
        waiting |= Q(status=AlertStatus.NOTIFIED, rings__lt=RINGS_MOST)
    return _ring_all(event, still_free(event, event.alerts.filter(waiting, rung_at__lte=Now() - RING_AGAIN_AFTER)))


def ring_repeated(event: SosEvent) -> list[Entry]:
    """Rings those who have not answered and were rung before the signal was repeated; at most once a minute."""
    earlier = event.alerts.filter(status=AlertStatus.NOTIFIED, rung_at__lt=event.last_signal_at)
    return _ring_all(event, still_free(event, earlier.filter(rung_at__lte=Now() - RING_AGAIN_AFTER)))


def _ring_all(event: SosEvent, alerts: Sequence[HelperAlert]) -> list[Entry]:
    if not alerts or event.lat is None:
        return []
    for alert in alerts:
        data = alert_data(event, alert.area_distance_m or coarse(alert.distance_m or 0))
        _ring(event, {alert.helper_id: data}, ring=alert.rings + 1)
    again = HelperAlert.objects.filter(pk__in=[alert.pk for alert in alerts])
    again.update(status=AlertStatus.NOTIFIED, rings=F("rings") + 1, rung_at=Now())
    rung = [alert.helper_id for alert in alerts]
    return [Entry(event.pk, JournalKind.HELPERS_RUNG_AGAIN, data={"rung": rung})]


def stand_down(event: SosEvent, states: Sequence[AlertStatus]) -> list[int]:
    """Tells those whose alert is in one of `states` that they are needed no more; their user ids."""
    called = event.alerts.filter(status__in=states)
    gone = dict(called.values_list("helper_id", "rings"))
    called.update(status=AlertStatus.STOOD_DOWN, asked_at=None)
    for rings in set(gone.values()):
        people = [helper_id for helper_id, rung in gone.items() if rung == rings]
        data = {helper_id: data_of(event, MessageKind.STAND_DOWN) for helper_id in people}
        notify(MessageKind.STAND_DOWN, event.uid, data, ring=rings, text_after=text_after(event))
    return sorted(gone)
