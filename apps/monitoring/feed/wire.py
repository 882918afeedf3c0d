"""What the dispatchers' feed says of each journal entry."""

import json
from typing import Any

import structlog

from apps.sos.journal.reading import uuids_of, with_names
from apps.sos.kinds import JournalKind
from apps.sos.models import JournalEntry, SosEvent
from mdd_backend.database.clock import utc
from mdd_backend.database.prepared import Prepared, found_by, one_of

from .. import sql

log = structlog.get_logger(__name__)
BATCH = 500


def messages_after(position: int, limit: int = BATCH) -> list[tuple[int, str]]:
    """The journal after a position, at most `limit` entries: each position with its message as JSON."""
    entries = _NEWER.all(position=position, limit=limit)
    opened = [entry.event_id for entry in entries if entry.kind == JournalKind.EVENT_OPENED]
    events = {event.pk: event for event in _OPENED.all(events=opened)} if opened else {}
    uuids = uuids_of(entries)
    for entry in entries:
        if event := events.get(entry.event_id or 0):
            entry.event = event
    return [(entry.position, json.dumps(_message(entry, uuids), ensure_ascii=False)) for entry in entries]


_NEWER = Prepared(
    lambda: (
        JournalEntry.objects.filter(pk__in=found_by(sql.ENTRIES_AFTER, "position", "limit"))
        .select_related("event")
        .only("position", "kind", "status", "at", "actor_id", "data", "event__uid")
        .order_by("position")
    )
)
_OPENED = Prepared(
    lambda: (
        SosEvent.objects.filter(pk__in=one_of("events", "bigint"))
        .select_related("user", "device")
        .only(
            "uid", "occurred_at", "status", "detected_type", "severity", "is_drill", "device_uid_text", "position",
            "user__phone_number", "device__device_uid",
        )
    )
)  # fmt: skip


def _message(entry: JournalEntry, uuids: dict[int, str]) -> dict[str, Any]:
    """Whatever an entry holds, it must not hold up those behind it."""
    try:
        if entry.kind == JournalKind.EVENT_OPENED and entry.event:
            return event_message(entry.position, entry.event)
        return update_message(entry, with_names(entry, uuids), uuids.get(entry.actor_id or 0))
    except Exception:
        log.exception("entry cannot be told", position=entry.position)
        return update_message(entry, {}, None)


def update_message(entry: JournalEntry, data: dict[str, Any], actor: str | None) -> dict[str, Any]:
    """What happened to an event since it opened; event_uid is null for what concerns none (a change of policy)."""
    return {
        "type": "sos_update",
        "seq": entry.position,
        "payload": {
            "event_uid": str(entry.event.uid) if entry.event else None,
            "kind": entry.kind,
            "status": entry.status or None,
            "at": utc(entry.at),
            "actor": actor,
            "data": data,
        },
    }


def event_message(seq: int, event: SosEvent) -> dict[str, Any]:
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
            "drill": event.is_drill,
            "device_uid": event.device.device_uid if event.device else (event.device_uid_text or None),
            "user_phone": str(event.user.phone_number) if event.user.phone_number else None,
            "lat": event.lat,
            "lon": event.lon,
        },
    }
