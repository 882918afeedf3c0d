"""Tells those who are no called helpers: dispatchers, emergency contacts, the wearer; and those already coming."""

from datetime import datetime, timedelta

from apps.notifications.kinds import AlarmReason, MessageKind
from apps.notifications.rules.queueing import notify, notify_contacts
from mdd_backend import prepared
from mdd_backend.clock import now

from .. import sql
from ..journal import Entry
from ..kinds import DetectedType, JournalKind
from ..models import Cover, HelperAlert, SosEvent
from .live import live_url
from .messages import data_of
from .waves import text_after

ACKNOWLEDGED_FOR = timedelta(seconds=180)
CONSOLE_SEEN = timedelta(seconds=45)


def console_is_connected() -> bool:
    return bool(prepared.rows(sql.CONSOLES_SEEN, [CONSOLE_SEEN]))


def alarm_at(event: SosEvent, cover: Cover) -> datetime | None:
    """Since when, or from when on, an event asks for a dispatcher; None while one looks after it and enough are coming.

    Consoles sound from then until somebody acknowledges. An alarm that was raised after the last acknowledgement, such
    as for a place found unsafe, asks for another one.
    """
    if not event.is_open or event.detected_type == DetectedType.TEST:
        return None
    if event.acknowledged_at is None:
        return event.began_at
    if cover.is_certain and not event.halted:
        return None
    lapses_at = event.acknowledged_at + ACKNOWLEDGED_FOR
    raised_at = event.dispatchers_alarmed_at
    return min(lapses_at, raised_at) if raised_at and raised_at > event.acknowledged_at else lapses_at


def next_alarm_at(event: SosEvent, cover: Cover) -> datetime | None:
    """When dispatchers are to be alarmed next by push and text message, a while after the consoles have begun."""
    asks_at = alarm_at(event, cover)
    if asks_at is None:
        return None
    due = asks_at if event.acknowledged_at else asks_at + timedelta(seconds=event.plan["escalate_after_s"])
    if event.dispatchers_alarmed_at is None:
        return due
    return max(due, event.dispatchers_alarmed_at + timedelta(seconds=event.plan["repeat_s"]))


def alarm_dispatchers(event: SosEvent, reason: AlarmReason) -> Entry:
    """By push and text message: every ADMIN on duty, or every ADMIN when none is."""
    admins = prepared.rows(sql.DISPATCHERS, [])
    told = [pk for pk, on_duty in admins if on_duty] or [pk for pk, _ in admins]
    event.dispatchers_alarmed_at = now()
    ring = f"{event.dispatchers_alarmed_at.timestamp():.3f}"
    data = {user_id: data_of(event, MessageKind.DISPATCHER_ALARM, reason=reason) for user_id in told}
    notify(MessageKind.DISPATCHER_ALARM, event.uid, data, ring=ring, text_after=timedelta())
    return Entry(event.pk, JournalKind.DISPATCHERS_ALARMED, data={"reason": reason, "told": told})


def contacts_at(event: SosEvent) -> datetime | None:
    """When the emergency contacts are to be alarmed; None when they have been, or must not be."""
    if event.silent or event.is_drill or event.contacts_alarmed_at:
        return None
    return event.began_at + timedelta(seconds=event.plan["contacts_after_s"])


def alarm_contacts(event: SosEvent) -> list[Entry]:
    """Every emergency contact of the wearer, once, with a page where they can follow what happens."""
    if event.silent or event.is_drill or event.contacts_alarmed_at:
        return []
    event.contacts_alarmed_at = now()
    contacts = [contact.pk for contact in event.user.emergency_contacts.all()]
    if not contacts:
        return []
    told = {pk: {"wearer_name": event.wearer_name, "url": live_url(event.uid, pk)} for pk in contacts}
    notify_contacts(MessageKind.CONTACT_ALARM, event.uid, event.user_id, told, ring=_ring_of(event))
    return [Entry(event.pk, JournalKind.CONTACTS_ALARMED, data={"contacts": contacts})]


def _ring_of(event: SosEvent) -> int:
    """Distinguishes the alarms of an event that was reopened."""
    return event.journal.filter(kind=JournalKind.EVENT_REOPENED).count() + 1


def tell_wearer(event: SosEvent, kind: MessageKind, ring: int = 1) -> None:
    if not event.silent:
        notify(kind, event.uid, {event.user_id: data_of(event, kind)}, ring=ring, text_after=text_after(event))


def tell_coming(event: SosEvent, kind: MessageKind, ring: int) -> None:
    """Everybody on the way or there."""
    data = {helper_id: data_of(event, kind) for helper_id in event.coming().values_list("helper_id", flat=True)}
    notify(kind, event.uid, data, ring=ring, text_after=text_after(event))


def tell_helper(alert: HelperAlert, kind: MessageKind) -> None:
    event = alert.event
    ring = f"{alert.rings}.{now().timestamp():.3f}"
    notify(kind, event.uid, {alert.helper_id: data_of(event, kind)}, ring=ring, text_after=text_after(event))


def tell_all_clear(event: SosEvent) -> None:
    """The wearer, and the contacts who were alarmed; of a test, that it arrived."""
    if event.silent:
        return
    ring = _ring_of(event)
    tell_wearer(
        event, MessageKind.TEST_ARRIVED if event.detected_type == DetectedType.TEST else MessageKind.ALL_CLEAR, ring
    )
    if event.contacts_alarmed_at:
        contacts = [contact.pk for contact in event.user.emergency_contacts.all()]
        told = {pk: {"wearer_name": event.wearer_name} for pk in contacts}
        notify_contacts(MessageKind.ALL_CLEAR, event.uid, event.user_id, told, ring=ring)
