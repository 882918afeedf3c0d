"""The watch over devices: who has gone silent, who is low on battery, and who is told, once.

A device is silent when nothing has come from it for three of its intervals, 180 s at least. Only time in which we
listened counts: after an outage of ours every device is given its whole time again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from apps.notifications.kinds import MessageKind
from apps.notifications.rules.queueing import can_send_texts, notify, notify_contacts
from apps.users.models import EmergencyContact, Status

from .. import sql
from ..models import ESTABLISHED_DAYS, Device, Trouble, TroubleKind
from ..signals import trouble_began

log = structlog.get_logger(__name__)

SILENT_INTERVALS, SILENT_LEAST_S = 3, 180
LOW, LOW_NO_MORE = 15, 25  # per cent
BACK = timedelta(hours=1)  # so long without it, and it is news again
MESSAGE_AFTER = timedelta(minutes=2)  # a silence; whether many fall silent at once shows by then
CONTACTS_QUIET = timedelta(hours=12)  # between two texts to contacts about one device, of whichever kind
NEWS = timedelta(days=1)  # who has not been heard for longer was given up long ago
KEPT = timedelta(days=1)
MANY, MANY_SHARE, MANY_WITHIN = 5, 0.25, timedelta(minutes=15)
BATCH, BATCHES_MOST = 1000, 50
MESSAGES = {
    TroubleKind.SILENT.value: MessageKind.DEVICE_OFFLINE,
    TroubleKind.BATTERY_LOW.value: MessageKind.BATTERY_LOW,
}


def check_devices(listening_since: datetime) -> None:
    """One round, to be made every minute; several at once are safe.

    listening_since: since when this watch, and so presumably the service, has been running without a break.
    """
    _end()
    _begin(
        TroubleKind.SILENT,
        sql.SILENT,
        listening_since=listening_since,
        intervals=SILENT_INTERVALS,
        least_s=SILENT_LEAST_S,
        usual_s=settings.STATUS_INTERVAL_S,
    )
    _begin(TroubleKind.BATTERY_LOW, sql.BATTERY_LOW, low=LOW)
    _hush()
    _tell_owners()
    _tell_contacts()


def _end() -> None:
    """Notes which troubles are over, and forgets those that have been for long."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TROUBLE_OVER, {"enough": LOW_NO_MORE})
    old = Trouble.objects.filter(over_at__lt=Now() - KEPT).select_for_update(skip_locked=True)
    with transaction.atomic():
        Trouble.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()


def _begin(kind: TroubleKind, statement: str, **values: Any) -> None:
    for _ in range(BATCHES_MOST):
        if _begin_some(kind, statement, values) < BATCH:
            return


@transaction.atomic
def _begin_some(kind: TroubleKind, statement: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values | {"kind": kind.value, "batch": BATCH, "back": BACK})
        devices = [row[0] for row in cursor.fetchall()]
    if devices:
        trouble_began.send(sender=Device, kind=kind.value, device_ids=devices)
    return len(devices)


def _ongoing() -> "QuerySet[Trouble]":
    """Of active owners whose device was heard within a day."""
    going_on = Trouble.objects.filter(over_at=None, device__owner__status=Status.ACTIVE)
    return going_on.filter(device__last_seen_at__gt=Now() - NEWS)


def _hush() -> None:
    """When a quarter falls silent at once, it is the service or the network: the operators' business, not people's.

    Only established devices are counted, on both sides; then nobody is told of the others either.
    """
    lately = Trouble.objects.filter(kind=TroubleKind.SILENT, since__gt=Now() - MANY_WITHIN)
    silent = lately.filter(device__days_seen__gte=ESTABLISHED_DAYS).count()
    if silent < MANY:
        return
    online = Device.objects.filter(is_online=True, days_seen__gte=ESTABLISHED_DAYS).count()
    if silent < MANY_SHARE * (online + silent):
        return
    hushed = lately.filter(told_at=None).update(told_at=Now(), contacts_told_at=Now())
    if hushed:
        log.error("many devices went silent at once: nobody is told", silent=silent, online=online)


@transaction.atomic
def _tell_owners() -> None:
    is_time = Q(kind=TroubleKind.BATTERY_LOW) | Q(since__lte=Now() - MESSAGE_AFTER)
    for trouble in _held(_ongoing().filter(is_time, told_at=None)):
        kind = MESSAGES[trouble.kind]
        data = {"text_key": kind.lower(), "device_uid": trouble.device.device_uid}
        notify(kind, None, {trouble.device.owner_id: data}, occasion=_occasion_of(trouble))


@transaction.atomic
def _tell_contacts() -> None:
    """Of what still goes on, when its owner has been told; after a text about the same device not before the morrow."""
    if not can_send_texts():
        return
    texted = Trouble.objects.filter(device=OuterRef("device"), contacts_told_at__gt=Now() - CONTACTS_QUIET)
    has_contacts = EmergencyContact.objects.filter(owner=OuterRef("device__owner"))
    is_new = Q(contacts_told_at=None) | Q(contacts_told_at__lt=F("told_at"))
    due = _ongoing().filter(~Exists(texted), Exists(has_contacts), is_new, told_at__isnull=False)
    for trouble in _one_a_device(_held(due, "contacts_told_at")):
        owner, kind = trouble.device.owner, MESSAGES[trouble.kind]
        data = {contact.pk: {"wearer_name": trouble.device.whose_name} for contact in owner.emergency_contacts.all()}
        notify_contacts(kind, None, owner.pk, data, occasion=_occasion_of(trouble))


def _held(troubles: "QuerySet[Trouble]", column: str = "told_at") -> list[Trouble]:
    """A batch, the oldest first, that is noted as told; another watch passes it by."""
    batch = list(
        troubles.order_by("since", "pk")
        .select_related("device__owner")
        .prefetch_related("device__owner__emergency_contacts")
        .select_for_update(of=["self"], skip_locked=True)[:BATCH]
    )
    Trouble.objects.filter(pk__in=[trouble.pk for trouble in batch]).update(**{column: Now()})
    return batch


def _one_a_device(troubles: Iterable[Trouble]) -> list[Trouble]:
    """Silence says more than a low battery, which is why it mostly comes."""
    ordered = sorted(troubles, key=lambda trouble: trouble.kind == TroubleKind.SILENT)
    return list({trouble.device_id: trouble for trouble in ordered}.values())


def _occasion_of(trouble: Trouble) -> str:
    return f"{trouble.pk}.{trouble.since.timestamp():.3f}"
