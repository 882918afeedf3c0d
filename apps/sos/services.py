"""What opens, answers and closes events."""

from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.devices.models import Device
from apps.devices.services import point
from apps.notifications.services import drop_queued
from apps.users.models import User
from apps.users.services import StillNeeded
from mdd_backend import hints

from . import journal
from .locks import hold_signals
from .models import (
    AlertStatus,
    EventStatus,
    HelperAlert,
    JournalKind,
    LocationSource,
    Outcome,
    Signal,
    SosEvent,
)
from .policy import DEDUP_WINDOW_S, plan_for
from .signals import CLOCK_BELIEVED, Reading, read_signal


class StepMakesNoSense(Exception):
    """The answer does not fit the state of the event, or of the one who answers."""

    def __init__(self, why: str, event: SosEvent, alert: HelperAlert | None = None) -> None:
        super().__init__(why)
        self.event, self.alert = event, alert


@transaction.atomic
def open_event(
    user: User, body: dict[str, Any], sender: Device | None = None
) -> tuple[SosEvent, bool, dict[str, list[str]]]:
    """Stores a signal: opens an event, or merges it into the one it repeats. `sender`: known by its device token.

    Returns the event, whether it is new, and the warnings about the signal's fields.
    """
    reading = _read(body)
    device = sender or _device_named(user, reading)
    hold_signals(user.pk, device.pk if device else None)
    if device and not Device.objects.filter(pk=device.pk).update(is_online=True, last_seen_at=Now()):
        device = None  # its owner has removed it this moment
    earlier = _event_repeated(user, device, reading)
    event = earlier or _create(user, device, reading)
    _keep_signal(event, user, device, reading)
    if earlier:
        _merge(earlier, reading)
    else:
        hints.task("sos.notify_nearby_helpers", event.pk)
        journal.write(journal.Entry(event.pk, JournalKind.EVENT_OPENED, actor_id=user.pk))
    return event, earlier is None, reading.warnings


def _read(body: dict[str, Any]) -> Reading:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return read_signal(body, now=cursor.fetchone()[0])


def _device_named(user: User, reading: Reading) -> Device | None:
    if not reading.device_uid:
        return None
    device = Device.objects.filter(owner=user, device_uid=reading.device_uid).first()
    if device is None:
        reading.warn("device_uid", "Is not a device of yours; the event has no device.")
    return device


def _signals_of(user: User, device: Device | None) -> QuerySet[Signal]:
    return Signal.objects.filter(device=device) if device else Signal.objects.filter(user=user, device=None)


def _event_repeated(user: User, device: Device | None, reading: Reading) -> SosEvent | None:
    """The event that this signal repeats, locked (the three rules of docs/dispatch.md); None when it is a new one."""
    same = Q(signal_uid=reading.signal_uid) if reading.signal_uid else Q()
    if reading.clock_is_believed:
        same |= Q(device_time=reading.device_time) | Q(signal_hash=reading.hash)
    events = SosEvent.objects.select_for_update(no_key=True)
    if same:
        lately = _signals_of(user, device).filter(received_at__gt=reading.received_at - CLOCK_BELIEVED)
        seen = lately.filter(same).order_by("-received_at").values_list("event_id", flat=True).first()
        if seen:
            return events.get(pk=seen)
    newest = _open_events_of(user, device).first()
    if newest is None:
        return None
    locked: SosEvent = events.get(pk=newest.pk)
    age_s = (reading.received_at - locked.last_signal_at).total_seconds()
    return locked if locked.is_open and age_s < DEDUP_WINDOW_S else None


def _open_events_of(user: User, device: Device | None) -> QuerySet[SosEvent]:
    owned = Q(device=device) if device else Q(user=user, device=None)
    return SosEvent.objects.open().filter(owned).order_by("-last_signal_at", "-pk")


def _create(user: User, device: Device | None, reading: Reading) -> SosEvent:
    place, source, age_s = _place(device, reading)
    return SosEvent.objects.create(
        user=user,
        device=device,
        device_uid_text=reading.device_uid,
        detected_type=reading.detected_type,
        detected_type_text=reading.detected_type_text,
        severity=reading.severity,
        occurred_at=reading.occurred_at,
        received_at=reading.received_at,
        position=place,
        altitude=reading.altitude,
        location_source=source,
        location_age_s=age_s,
        last_signal_at=reading.received_at,
        follows=_open_events_of(user, device).first(),
        plan=plan_for(reading.severity),
        next_step_at=reading.received_at,
    )


def _place(device: Device | None, reading: Reading) -> tuple[Point | None, LocationSource, int | None]:
    """Where help is needed, who said so, and how many seconds old that is."""
    if reading.lat is not None and reading.lon is not None:
        return point(reading.lat, reading.lon), LocationSource.SIGNAL, 0
    if device and device.position and device.position_at:
        age_s = (reading.received_at - device.position_at).total_seconds()
        return device.position, LocationSource.DEVICE, min(2**31 - 1, max(0, int(age_s)))
    return None, LocationSource.NONE, None


def _keep_signal(event: SosEvent, user: User, device: Device | None, reading: Reading) -> None:
    Signal.objects.create(
        event=event,
        user=user,
        device=device,
        signal_uid=reading.signal_uid,
        signal_hash=reading.hash,
        device_time=reading.device_time,
        received_at=reading.received_at,
        raw_payload=reading.raw_payload,
        warnings=reading.warnings,
    )


def _merge(event: SosEvent, reading: Reading) -> None:
    """Counts a repeat; an open event takes its newer place and its higher severity."""
    event.signal_count = F("signal_count") + 1
    event.last_signal_at = max(event.last_signal_at, reading.received_at)
    if event.is_open:
        event.severity = max(event.severity, reading.severity)
        if reading.lat is not None and reading.lon is not None and reading.occurred_at >= event.occurred_at:
            event.position, event.location_source, event.location_age_s = (
                point(reading.lat, reading.lon),
                "SIGNAL",
                0,
            )
            event.altitude = reading.altitude
    place = ["position", "location_source", "location_age_s", "altitude"]
    event.save(update_fields=["signal_count", "last_signal_at", "severity", *place])
    if event.is_open:
        journal.write(journal.Entry(event.pk, JournalKind.SIGNAL_MERGED))


@transaction.atomic
def answer_alert(event: SosEvent, helper: User, answer: AlertStatus) -> HelperAlert:
    """A helper accepts or declines. Saying the same twice changes nothing. Raises StepMakesNoSense."""
    event = SosEvent.objects.select_for_update(no_key=True).get(pk=event.pk)
    alert = HelperAlert.objects.select_related("event__user").get(event=event, helper=helper)
    alert.event = event
    if not event.is_open:
        raise StepMakesNoSense("The event is closed.", event, alert)
    if alert.status == answer:
        return alert
    if alert.status == AlertStatus.ACCEPTED:
        raise StepMakesNoSense("You have accepted already.", event, alert)
    if answer == AlertStatus.ACCEPTED:
        _accept(event, alert)
    alert.status = answer
    HelperAlert.objects.filter(pk=alert.pk).update(status=answer, answered_at=Now())
    journal.write(journal.Entry(event.pk, JournalKind(f"HELPER_{answer}"), actor_id=helper.pk))
    return alert


def _accept(event: SosEvent, alert: HelperAlert) -> None:
    if event.has_enough_helpers():
        raise StepMakesNoSense("Enough helpers are on their way.", event, alert)
    event.status = EventStatus.IN_PROGRESS
    event.save(update_fields=["status"])


@transaction.atomic
def resolve_event(event: SosEvent, dispatcher: User, outcome: Outcome) -> SosEvent:
    """A dispatcher closes an event; nothing more is sent for it. Raises StepMakesNoSense when it is closed."""
    event = SosEvent.objects.select_for_update(no_key=True).get(pk=event.pk)
    if not event.is_open:
        raise StepMakesNoSense("The event is closed.", event)
    event.status, event.outcome, event.next_step_at = EventStatus.RESOLVED, outcome, None
    event.closed_at = Now()
    event.save(update_fields=["status", "outcome", "next_step_at", "closed_at"])
    dropped = drop_queued(event.uid, "event closed")
    data = {"outcome": outcome, "dropped": len(dropped)}
    journal.write(journal.Entry(event.pk, JournalKind.EVENT_RESOLVED, actor_id=dispatcher.pk, data=data))
    return event


def refuse_while_needed(user: User, **_: object) -> None:
    """An account cannot be erased in the middle of an event. Raises StillNeeded."""
    if SosEvent.objects.open().filter(user=user).exists():
        raise StillNeeded("Your SOS is open.")
    if SosEvent.objects.open().filter(alerts__helper=user, alerts__status=AlertStatus.ACCEPTED).exists():
        raise StillNeeded("You are on your way to somebody.")


def forget_person(user: User, **_: object) -> None:
    """Takes what tells about an erased person out of their events; that there was an event stays."""
    events = SosEvent.objects.filter(user=user)
    Signal.objects.filter(event__in=events).update(raw_payload=None)
    events.update(
        position=None,
        altitude=None,
        location_source=LocationSource.NONE,
        location_age_s=None,
        device_uid_text="",
        detected_type_text="",
    )
