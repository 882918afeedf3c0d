"""What people are told about an event, and whether they still need to hear it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.notifications.models import Notification

from . import journal
from .models import AlertStatus, HelperAlert, JournalKind, SosEvent
from .privacy import CELL_M, cell_of, coarse
from .selectors import NearHelper

SOS_ALERT = "SOS_ALERT"


def alert_data(event: SosEvent, found: NearHelper) -> dict[str, str]:
    """What a called helper's phone is told: the area and a rough distance, nothing that names a person or a place."""
    assert event.lat is not None  # noqa: S101 - nobody is called to an unknown place
    assert event.lon is not None  # noqa: S101
    lat, lon = cell_of(event.lat, event.lon)
    return {
        "event_uid": str(event.uid),
        "kind": SOS_ALERT,
        "text_key": f"{SOS_ALERT}.{event.detected_type}".lower(),
        "detected_type": event.detected_type,
        "severity": str(event.severity),
        "area_lat": str(lat),
        "area_lon": str(lon),
        "area_size_m": str(CELL_M),
        "distance_m": str(coarse(found.area_distance_m)),
    }


def dispatcher_message(seq: int, event: SosEvent) -> dict[str, Any]:
    """The spec's section 7, and the journal's position as `seq`."""
    return {
        "type": "sos_event",
        "seq": seq,
        "payload": {
            "event_uid": str(event.uid),
            "timestamp": utc(event.occurred_at),
            "resolved": not event.is_open,
            "detected_type": event.detected_type,
            "severity": event.severity,
            "device_uid": event.device.device_uid if event.device else (event.device_uid_text or None),
            "user_phone": str(event.user.phone_number) if event.user.phone_number else None,
            "lat": event.lat,
            "lon": event.lon,
        },
    }


def utc(time: datetime) -> str:
    """ISO 8601 with Z, as everywhere in the API."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def still_needed(notifications: Sequence[Notification]) -> set[int]:
    """Those whose event is open, wants more helpers, and whose person has not answered."""
    uids = {n.event_uid for n in notifications if n.event_uid}
    wanting = {
        event.pk: event.uid for event in SosEvent.objects.open().filter(uid__in=uids) if not event.has_enough_helpers()
    }
    unanswered = HelperAlert.objects.filter(event_id__in=wanting, status=AlertStatus.NOTIFIED)
    pairs = {(wanting[event_id], helper_id) for event_id, helper_id in unanswered.values_list("event_id", "helper_id")}
    return {n.pk for n in notifications if n.event_uid is None or (n.event_uid, n.user_id) in pairs}


def settled(notifications: Sequence[Notification]) -> None:
    """Journals the new states of notifications: one entry an event."""
    by_event: dict[UUID, list[Notification]] = defaultdict(list)
    for notification in notifications:
        if notification.event_uid:
            by_event[notification.event_uid].append(notification)
    ids = dict(SosEvent.objects.filter(uid__in=by_event).values_list("uid", "pk"))
    journal.write(
        *(
            journal.Entry(
                ids.get(uid), JournalKind.NOTIFICATION, data={"states": {str(n.uuid): n.state for n in group}}
            )
            for uid, group in by_event.items()
        )
    )
