"""What opens events, and what their wearers do about them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.devices.models import Device
from apps.devices.rules.registry import hear_of_device, point, see_device
from apps.notifications.kinds import AlarmReason
from apps.users.models import User
from apps.users.rules.attachments import StillNeeded
from mdd_backend import hints
from mdd_backend.database import prepared
from mdd_backend.database.clock import now

from .. import journal, sql
from ..claims import can_wait, rank_of
from ..journal import Entry
from ..kinds import COMING, DetectedType, EventStatus, Halt, JournalKind, LocationSource, Outcome
from ..locks import hold_signals
from ..models import HelperAlert, Place, Signal, SosEvent
from ..queries.gather import facts_of
from .alarms import alarm_dispatchers
from .closing import close, hold_open
from .due_step import schedule
from .policy import plan_of, policy_of
from .reading import CLOCK_BELIEVED, Reading, read_signal

BELIEVED_AT_ONCE = 3
"""So many open events of an account whose watches are not established call helpers at once."""
DOUBTED_FOR = timedelta(seconds=60)
"""So long helpers for a further one, or for one of a contained or banned account, are not called, unless a dispatcher
calls them."""


@dataclass(frozen=True)
class Opened:
    """The event that a signal belongs to, and by field what was wrong with the signal."""

    event: SosEvent
    is_new: bool
    warnings: dict[str, list[str]]


@transaction.atomic
def open_event(
    user: User, body: dict[str, Any], sender: Device | None = None, *, is_drill: bool = False, is_stale: bool = False
) -> Opened:
    """Stores a signal: opens an event, or counts it as part of an open one. `sender`: known by its device token.

    A retry, the same signal sent again, changes nothing else. Drills and emergencies are never merged, nor are signals
    of a credential that is no longer valid (is_stale) with those of one that is.
    """
    reading = read_signal(body)
    reading.is_drill, reading.is_stale = is_drill, is_stale
    device = sender or _device_named(user, reading.device_uid)
    is_established = device is not None and device.is_established
    reading.arrive(hold_signals(user.pk, device.pk if device else None, is_established=is_established))
    if sender:
        reading.warnings.pop("device_uid", None)  # its token says which it is
    elif reading.device_uid and device is None:
        reading.warn("device_uid", "Is not a device of yours; the event has no device.")
    if device and not (hear_of_device if is_stale else see_device)(device):
        device = None  # its owner has removed it this moment
    sent_before, newest, open_of_account = _earlier_events(user, device, reading)
    if sent_before:
        event = _count_retry(sent_before)
        _keep_signal(event, user, device, reading, is_repeat=True)
        return Opened(event, False, reading.warnings)
    earlier = _event_pressed_for(reading, newest)
    event = earlier or _create(user, device, reading, newest, open_of_account)
    _keep_signal(event, user, device, reading, is_repeat=earlier is not None)
    if earlier:
        _press_again(earlier, device, reading)
    else:
        hints.task("sos.notify_nearby_helpers", event.pk, can_wait=can_wait(event))
        journal.tell(event, Entry(event.pk, JournalKind.EVENT_OPENED, user.pk), *_doubted(event))
    return Opened(event, earlier is None, reading.warnings)


def _device_named(user: User, device_uid: str) -> Device | None:
    return Device.objects.filter(owner=user, device_uid=device_uid).first() if device_uid else None


def _earlier_events(user: User, device: Device | None, reading: Reading) -> tuple[int | None, int | None, int]:
    """The event to which the same signal came before, the newest open one, and how many the account has open; drills
    among drills.
    """
    believed = reading.clock_is_believed
    values = {
        "device": device.pk if device else None,
        "user": user.pk,
        "is_drill": reading.is_drill,
        "is_stale": reading.is_stale,
        "since": reading.received_at - CLOCK_BELIEVED,
        "signal_uid": reading.signal_uid or None,
        "device_time": reading.device_time if believed else None,
        "signal_hash": reading.hash if believed else None,
    }
    ((before, newest, count),) = prepared.rows(sql.EARLIER_OF_DEVICE if device else sql.EARLIER_OF_USER, values)
    return before, newest, count


def _count_retry(event_id: int) -> SosEvent:
    """The event to which the same signal came before, open or closed, with its count of signals raised."""
    SosEvent.objects.filter(pk=event_id).update(signal_count=F("signal_count") + 1)
    event: SosEvent = SosEvent.objects.get(pk=event_id)
    return event


def _event_pressed_for(reading: Reading, newest: int | None) -> SosEvent | None:
    """The open event that this press belongs to (the third rule of docs/dispatch.md), locked; None: a new one opens."""
    if newest is None:
        return None
    locked: SosEvent = SosEvent.objects.select_for_update(no_key=True).get(pk=newest)
    age_s = (reading.received_at - locked.last_signal_at).total_seconds()
    is_test = locked.detected_type == DetectedType.TEST != reading.detected_type  # an emergency is no part of a test
    return locked if locked.is_open and age_s < locked.plan["dedup_window_s"] and not is_test else None


def _create(user: User, device: Device | None, reading: Reading, follows: int | None, open_of_account: int) -> SosEvent:
    place = _newest_place(device, reading)
    due_at = reading.received_at + timedelta(seconds=reading.countdown_s)
    is_believed = not (user.is_doubted or reading.is_stale)
    is_established = device is not None and device.is_established and is_believed
    has_phone = user.phone_confirmed_at is not None and is_believed
    is_doubted = _is_doubted(user, reading, is_established, open_of_account)
    doubted_until = reading.received_at + DOUBTED_FOR if is_doubted else None
    event = SosEvent(
        user=user,
        device=device,
        device_uid_text=reading.device_uid,
        detected_type=reading.detected_type,
        detected_type_text=reading.detected_type_text,
        severity=reading.severity,
        occurred_at=reading.occurred_at,
        received_at=reading.received_at,
        location_source=LocationSource.NONE,
        last_signal_at=reading.received_at,
        follows_id=follows,
        is_drill=reading.is_drill,
        silent=reading.silent,
        unconfirmed_until=due_at if reading.countdown_s else None,
        plan=plan_of(policy_of(reading.detected_type), reading.severity),
        rank=rank_of(
            is_drill=reading.is_drill,
            is_proven=is_established or (has_phone and not open_of_account),
            is_first=follows is None if is_established else not open_of_account,
            severity=reading.severity,
        ),
        doubted_until=doubted_until,
        stale_credential=reading.is_stale,
        wave_at=max(due_at, doubted_until or due_at),
        next_step_at=due_at,
    )
    if place:
        event.move(place, reading.received_at)
        event.told_position = place.point
    prepared.insert(event)
    return event


def _is_doubted(user: User, reading: Reading, is_established: bool, open_of_account: int) -> bool:
    if reading.is_drill or reading.detected_type == DetectedType.TEST:
        return False
    return user.is_doubted or reading.is_stale or (not is_established and open_of_account >= BELIEVED_AT_ONCE)


def _doubted(event: SosEvent) -> list[Entry]:
    """Dispatchers are alarmed at once about an event that is doubted: they may call, or wait with it."""
    if event.doubted_until is None:
        return []
    entry = alarm_dispatchers(event, _why_doubted(event), event.received_at)
    SosEvent.objects.filter(pk=event.pk).update(dispatchers_alarmed_at=event.dispatchers_alarmed_at)
    return [entry]


def _why_doubted(event: SosEvent) -> AlarmReason:
    if event.user.is_doubted:
        return AlarmReason.DOUBTED_ACCOUNT
    return AlarmReason.STALE_CREDENTIAL if event.stale_credential else AlarmReason.MANY_EVENTS


def _newest_place(device: Device | None, reading: Reading) -> Place | None:
    """Where help is needed: what the signal says, unless its device has been seen elsewhere since."""
    signalled = None
    if reading.lat is not None and reading.lon is not None:
        where = point(reading.lat, reading.lon)
        signalled = Place(where, reading.measured_at, LocationSource.SIGNAL, reading.altitude, reading.accuracy_m)
    seen_at = device.position_at if device else None
    if device and seen_at and (signalled is None or seen_at > signalled.at) and device.position:
        return Place(device.position, min(seen_at, reading.received_at), LocationSource.DEVICE)
    return signalled


def _keep_signal(event: SosEvent, user: User, device: Device | None, reading: Reading, *, is_repeat: bool) -> None:
    """A payload that another signal of the event has brought already is not kept again."""
    digest = reading.payload_digest
    is_kept = is_repeat and digest is not None and prepared.rows(sql.PAYLOAD_IS_KEPT, [event.pk, digest])[0][0]
    signal = Signal(
        event=event,
        user=user,
        device=device,
        signal_uid=reading.signal_uid,
        signal_hash=reading.hash,
        device_time=reading.device_time,
        received_at=reading.received_at,
        raw_payload=None if is_kept else reading.raw_payload,
        payload_digest=digest,
        warnings=reading.warnings,
    )
    prepared.insert(signal)


def _press_again(event: SosEvent, device: Device | None, reading: Reading) -> None:
    """Another press for an open event: it takes a newer place, a higher severity, and its next step at once."""
    place = _newest_place(device, reading)
    if place and (event.position_at is None or place.at > event.position_at):
        event.move(place, reading.received_at)
    event.signal_count += 1
    event.last_signal_at = max(event.last_signal_at, reading.received_at)
    event.rank += max(0, reading.severity - event.severity)
    event.severity = max(event.severity, reading.severity)
    _take_seriously(event, reading)
    event.save()
    hints.task("sos.escalation_watch", event.pk, can_wait=can_wait(event))
    journal.tell(event, Entry(event.pk, JournalKind.SIGNAL_MERGED))


def _take_seriously(event: SosEvent, reading: Reading) -> None:
    """Whoever presses again needs help again, and waits for no countdown unless this press has one."""
    if event.halted in _OVER and reading.measured_at > _halted_at(event):
        event.halted, event.wave_at = "", reading.received_at
        event.status = facts_of(event).status
    is_counting_down = event.unconfirmed_until is not None and event.unconfirmed_until > reading.received_at
    if is_counting_down and reading.countdown_s:
        return
    if is_counting_down:
        event.unconfirmed_until = reading.received_at
        event.wave_at = max(reading.received_at, event.doubted_until or reading.received_at)
    event.next_step_at = reading.received_at


_OVER = {Halt.WEARER_FINE: JournalKind.WEARER_FINE, Halt.ALL_DONE: JournalKind.HELPER_DONE}


def _halted_at(event: SosEvent) -> datetime:
    """When it was last said that no more help is needed."""
    at: datetime = event.journal.filter(kind=_OVER[Halt(event.halted)]).latest("position").at
    return at


@transaction.atomic
def cancel_event(event: SosEvent, wearer: User) -> SosEvent:
    """The wearer is fine: closes an event that nobody has accepted; otherwise a dispatcher must confirm.

    Saying so twice changes nothing. Raises StepMakesNoSense when the event is closed.
    """
    event = hold_open(event)
    if not event.alerts.exclude(accepted_at=None).exists():
        return close(event, EventStatus.CANCELLED, Outcome.NO_HELP_NEEDED, wearer)
    if event.halted != Halt.WEARER_FINE:
        event.halted = Halt.WEARER_FINE
        alarmed = alarm_dispatchers(event, AlarmReason(event.halted), now())
        schedule(event)
        journal.tell(event, Entry(event.pk, JournalKind.WEARER_FINE, wearer.pk), alarmed)
    return event


def refuse_while_needed(user: User, **_: object) -> None:
    """An account cannot be erased in the middle of an event. Raises StillNeeded."""
    if SosEvent.objects.open().filter(user=user).exists():
        raise StillNeeded("Your SOS is open.")
    if SosEvent.objects.open().filter(alerts__helper=user, alerts__status__in=COMING).exists():
        raise StillNeeded("You are on your way to somebody.")


def exported(user: User, **_: object) -> dict[str, Any]:
    """A person's emergencies, what was sent for them, and those they were called to, for their archive."""
    told = ("uid", "status", "outcome", "detected_type", "severity", "occurred_at", "received_at", "closed_at")
    more = (
        "position",
        "position_at",
        "accuracy_m",
        "altitude",
        "silent",
        "is_drill",
        "signal_count",
        "device_uid_text",
    )
    called = HelperAlert.objects.filter(helper=user).order_by("pk")
    signals = Signal.objects.filter(event__user=user).order_by("pk")
    return {
        "events": SosEvent.objects.filter(user=user).order_by("pk").values(*told, *more),
        "signals": signals.values("event__uid", "received_at", "device_time", "raw_payload", "warnings"),
        "helped": called.values("event__uid", "status", "created_at", "answered_at", "area_distance_m"),
    }


def forget_person(user: User, **_: object) -> None:
    """Takes what tells about an erased person out of their events; that there was an event stays."""
    events = SosEvent.objects.filter(user=user)
    Signal.objects.filter(event__in=events).update(raw_payload=None, payload_digest=None)
    events.update(
        position=None,
        position_at=None,
        told_position=None,
        altitude=None,
        accuracy_m=None,
        location_source=LocationSource.NONE,
        location_age_s=None,
        device_uid_text="",
        detected_type_text="",
    )
