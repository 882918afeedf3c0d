"""Tells those who are no called helpers: dispatchers, emergency contacts, the wearer; and those already coming."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.notifications.kinds import AlarmReason, MessageKind
from apps.notifications.rules.queueing import notify, notify_contacts
from mdd_backend.database import prepared

from .. import journal, sql
from ..journal import Entry
from ..journal.entries import ContactAnswered, ContactsAlarmed, DispatchersAlarmed
from ..kinds import DetectedType, JournalKind
from ..models import SosEvent
from ..queries.facts import Helper
from ..queries.live import has_answered, live_url
from .decide import CONTACTS, Step
from .messages import data_of
from .waves import text_after


def raise_alarms(event: SosEvent, step: Step) -> list[Entry]:
    """Those that were decided, in that order."""
    entries: list[Entry] = []
    for alarm in step.alarms:
        if alarm == CONTACTS:
            entries += _alarm_contacts(event)
        else:
            entries.append(alarm_dispatchers(event, AlarmReason(alarm), step.facts.at))
    return entries


def alarm_dispatchers(event: SosEvent, reason: AlarmReason, at: datetime) -> Entry:
    """By push and text message: every ADMIN on duty, or every ADMIN when none is."""
    admins = prepared.rows(sql.DISPATCHERS, [])
    recipients = [pk for pk, on_duty in admins if on_duty] or [pk for pk, _ in admins]
    event.dispatchers_alarmed_at = at
    occasion = f"{at.timestamp():.3f}"
    data = {user_id: data_of(event, MessageKind.DISPATCHER_ALARM, reason=reason) for user_id in recipients}
    notify(MessageKind.DISPATCHER_ALARM, event.uid, data, occasion=occasion, text_after=timedelta())
    return Entry(event.pk, JournalKind.DISPATCHERS_ALARMED, data=DispatchersAlarmed(reason, recipients))


def _alarm_contacts(event: SosEvent) -> list[Entry]:
    """Every emergency contact of the wearer, with a page where they can follow what happens."""
    contacts = [contact.pk for contact in event.user.emergency_contacts.all()]
    if not contacts:
        return []
    data = {pk: {"wearer_name": event.wearer_name, "url": live_url(event.uid, pk)} for pk in contacts}
    notify_contacts(MessageKind.CONTACT_ALARM, event.uid, event.user_id, data, occasion=_occasion_of(event))
    return [Entry(event.pk, JournalKind.CONTACTS_ALARMED, data=ContactsAlarmed(contacts))]


def _occasion_of(event: SosEvent) -> int:
    """Distinguishes the alarms of an event that was reopened."""
    return event.journal.filter(kind=JournalKind.EVENT_REOPENED).count() + 1


def tell_wearer(event: SosEvent, kind: MessageKind, occasion: int = 1) -> None:
    """Tells the wearer, unless their event is silent."""
    if not event.silent:
        notify(kind, event.uid, {event.user_id: data_of(event, kind)}, occasion=occasion, text_after=text_after(event))


def tell_coming(event: SosEvent, kind: MessageKind, occasion: int) -> None:
    """Everybody on the way or there."""
    data = {helper_id: data_of(event, kind) for helper_id in event.coming().values_list("helper_id", flat=True)}
    notify(kind, event.uid, data, occasion=occasion, text_after=text_after(event))


def tell_helper(event: SosEvent, helper: Helper, kind: MessageKind, at: datetime) -> None:
    """One of those who come."""
    occasion = f"{helper.rings}.{at.timestamp():.3f}"
    notify(kind, event.uid, {helper.id: data_of(event, kind)}, occasion=occasion, text_after=text_after(event))


def tell_all_clear(event: SosEvent) -> None:
    """The wearer, and the contacts who were alarmed; of a test, that it arrived."""
    if event.silent:
        return
    occasion = _occasion_of(event)
    tell_wearer(
        event, MessageKind.TEST_ARRIVED if event.detected_type == DetectedType.TEST else MessageKind.ALL_CLEAR, occasion
    )
    if event.contacts_alarmed_at:
        contacts = [contact.pk for contact in event.user.emergency_contacts.all()]
        data = {pk: {"wearer_name": event.wearer_name} for pk in contacts}
        notify_contacts(MessageKind.ALL_CLEAR, event.uid, event.user_id, data, occasion=occasion)


@transaction.atomic
def contact_answered(event: SosEvent, contact_id: int) -> None:
    """The contact has seen it: journalled once, and only while the event is open."""
    held: SosEvent = SosEvent.objects.select_for_update(no_key=True).get(pk=event.pk)
    if held.is_open and not has_answered(held, contact_id):
        journal.tell(held, Entry(held.pk, JournalKind.CONTACT_ANSWERED, data=ContactAnswered(contact_id)))
