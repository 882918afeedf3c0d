"""An event as a card in the dispatcher's queue, for many events in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.gis.db.models.functions import Distance
from django.db.models import Count, F, Min, Q, QuerySet

from apps.devices.models import Device
from apps.notifications.kinds import MessageKind
from apps.notifications.models import Notification, State
from apps.sos.kinds import COMING, AlertStatus, DetectedType
from apps.sos.models import HelperAlert, JournalEntry, SosEvent
from apps.sos.queries.gather import READ, facts_of_many
from apps.sos.rules.decide import alarm_at
from apps.users.models import Role, Status, User
from mdd_backend.database.clock import utc

_S = AlertStatus
_COUNTED = {
    "called": Q(),
    "accepted": Q(status__in=COMING),
    "en_route": Q(status__in=[_S.EN_ROUTE, _S.ON_SCENE]),
    "on_scene": Q(status=_S.ON_SCENE),
    "declined": Q(status__in=[_S.DECLINED, _S.WITHDRAWN, _S.UNSAFE]),
}
_PERSON = ("uuid", "full_name", "phone_number")
_READ = (
    *READ,
    "uid", "outcome", "severity", "stale_credential", "occurred_at", "closed_at", "signal_count", "handed_over_to",
    "next_step_at", "accuracy_m", "location_source", "location_age_s", "position_at",
    *(f"{whose}__{name}" for whose in ("user", "acknowledged_by") for name in _PERSON),
    *(f"device__{name}" for name in (
        "device_uid", "model", "wearer_name", "battery_level", "is_online", "last_seen_at", "position", "position_at",
    )),
)  # fmt: skip


@dataclass
class People:
    """How many were called to an event and what became of it; nearest_m: the nearest of those coming, in metres."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys([*_COUNTED, "reached"], 0))
    nearest_m: int | None = None


def last_position() -> int:
    """Of the journal: read before the cards, so that whoever follows the feed after it misses nothing."""
    return JournalEntry.objects.order_by("-position").values_list("position", flat=True).first() or 0


def with_cards(events: QuerySet[SosEvent]) -> QuerySet[SosEvent]:
    """With what a card needs and nothing else (half of the time goes into reading the rows), the oldest first."""
    return events.select_related("user", "device", "acknowledged_by").only(*_READ).order_by("pk")


def cards_of(events: Sequence[SosEvent]) -> list[dict[str, Any]]:
    """The cards of open or closed events as JSON holds them, in their order, in a fixed number of queries."""
    people = _people(events)
    facts = facts_of_many(events)
    return [_card(event, people[event.pk], alarm_at(facts[event.pk])) for event in events]


def _people(events: Iterable[SosEvent]) -> dict[int, People]:
    people = {event.pk: People() for event in events}
    pk_of = {event.uid: event.pk for event in events}
    for row in _alerts(people).annotate(**{name: Count("pk", filter=which) for name, which in _COUNTED.items()}):
        people[row.pop("event_id")].counts |= row
    for event_id, far in _nearest(people):
        people[event_id].nearest_m = None if far is None else round(far.m)
    for uid, reached in _reached(pk_of):
        people[pk_of[uid]].counts["reached"] = reached
    return people


def _alerts(events: Iterable[int]) -> Any:
    return HelperAlert.objects.filter(event_id__in=list(events)).order_by().values("event_id")


def _nearest(events: Iterable[int]) -> Any:
    far = Distance("helper__helper_position__position", "event__position")
    return _alerts(events).filter(status__in=COMING).annotate(far=Min(far)).values_list("event_id", "far")


def _reached(uids: Iterable[Any]) -> Iterable[tuple[Any, int]]:
    received = Notification.objects.filter(
        event_uid__in=list(uids), kind=MessageKind.SOS_ALERT, state__in=[State.RECEIVED, State.READ]
    )
    by_event = received.order_by().values("event_uid").annotate(n=Count("user", distinct=True))
    return by_event.values_list("event_uid", "n")


def _card(event: SosEvent, people: People, asks_at: datetime | None) -> dict[str, Any]:
    return {
        "event_uid": str(event.uid),
        "status": event.status,
        "resolved": not event.is_open,
        "outcome": event.outcome or None,
        "detected_type": event.detected_type,
        "severity": event.severity,
        "is_test": event.detected_type == DetectedType.TEST,
        "is_drill": event.is_drill,
        "timestamp": utc(event.occurred_at),
        "received_at": utc(event.received_at),
        "closed_at": event.closed_at and utc(event.closed_at),
        "signal_count": event.signal_count,
        "unconfirmed_until": event.unconfirmed_until and utc(event.unconfirmed_until),
        "silent": event.silent,
        "stale_credential": event.stale_credential,
        "halted": event.halted or None,
        "handed_over_to": event.handed_over_to or None,
        "acknowledged_at": event.acknowledged_at and utc(event.acknowledged_at),
        "acknowledged_by": _person(event.acknowledged_by),
        "alarm_at": asks_at and utc(asks_at),
        "waves_called": event.waves_called,
        "waves": event.plan["waves"],
        "next_step_at": event.next_step_at and utc(event.next_step_at),
        "lat": event.lat,
        "lon": event.lon,
        "accuracy_m": event.accuracy_m,
        "location_source": event.location_source,
        "location_age_s": event.location_age_s,
        "position_at": event.position_at and utc(event.position_at),
        "wearer_name": event.wearer_name,
        "wearer": _person(event.user),
        "device": _device(event.device) if event.device else None,
        "people": people.counts,
        "nearest_m": people.nearest_m,
    }


def without_place(card: dict[str, Any]) -> dict[str, Any]:
    """A past event's card: its place is shown for a reason only, with the event's details."""
    hidden = dict.fromkeys(("lat", "lon"))
    device = card["device"] and card["device"] | hidden
    return card | hidden | {"accuracy_m": None, "device": device}


def _person(user: User | None) -> dict[str, Any] | None:
    if user is None:
        return None
    phone = str(user.phone_number) if user.phone_number else None
    return {"uuid": str(user.uuid), "full_name": user.full_name, "phone_number": phone}


def _device(device: Device) -> dict[str, Any]:
    return {
        "device_uid": device.device_uid,
        "model": device.model,
        "wearer_name": device.wearer_name,
        "battery_level": device.battery_level,
        "is_online": device.is_online,
        "last_seen_at": device.last_seen_at and utc(device.last_seen_at),
        "lat": device.position and device.position.y,
        "lon": device.position and device.position.x,
        "position_at": device.position_at and utc(device.position_at),
    }


def on_duty() -> dict[str, int]:
    """How many helpers and dispatchers are on duty."""
    people = User.objects.filter(on_duty=True, status=Status.ACTIVE)
    return {
        "helpers": people.filter(role=Role.HELPER).count(),
        "dispatchers": people.filter(role=Role.ADMIN).count(),
    }


def called_people(event: SosEvent) -> list[dict[str, Any]]:
    """Whoever was called, with where they were seen last: for dispatchers, while the event is open."""
    seen = "helper__helper_position"
    alerts = HelperAlert.objects.filter(event=event).select_related("helper").order_by("pk")
    if not event.is_open:
        return []
    return [
        {
            "uuid": str(alert.helper.uuid),
            "full_name": alert.helper.full_name,
            "status": alert.status,
            "lat": alert.place.y,
            "lon": alert.place.x,
            "seen_at": utc(alert.seen_at),
        }
        for alert in alerts.annotate(place=F(f"{seen}__position"), seen_at=F(f"{seen}__recorded_at"))
        if alert.place is not None
    ]
