"""What the dispatchers' feed says of each journal entry."""

import json
from typing import Any

import structlog

from apps.sos.journal.reading import uuids_of, with_names
from apps.sos.kinds import JournalKind
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.rules.looks import is_told_by_feed
from mdd_backend.database import prepared
from mdd_backend.database.clock import utc

from .. import sql

log = structlog.get_logger(__name__)
BATCH = 500


def messages_after(position: int, limit: int = BATCH) -> list[tuple[int, str]]:
    """The journal after a position, at most `limit` entries: each position with its message as JSON."""
    entries = _entries_after(position, limit)
    opened = [entry.event_id for entry in entries if entry.kind == JournalKind.EVENT_OPENED and entry.event_id]
    events = _events(opened) if opened else {}
    uuids = uuids_of(entries)
    for entry in entries:
        entry.event = events.get(entry.event_id or 0, entry.event)
    return [(entry.position, json.dumps(_message(entry, uuids), ensure_ascii=False)) for entry in entries]


def _entries_after(position: int, limit: int) -> list[JournalEntry]:
    """Each with its event, of which only the uid has been read."""
    entries: list[JournalEntry] = []
    for entry, event in prepared.models(sql.ENTRIES_AFTER, [position, limit], sql.ENTRY, sql.EVENT_TOLD):
        entry.event = event
        entries.append(entry)
    return entries


def _events(ids: list[int]) -> dict[int, SosEvent]:
    """With their wearers and watches, as far as `event_message` tells of them."""
    events: dict[int, SosEvent] = {}
    for event, wearer, watch in prepared.models(sql.EVENTS, [ids], sql.EVENT, sql.WEARER, sql.WATCH):
        event.user, event.device = wearer, watch
        events[event.pk] = event
    return events


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
    """The spec's section 7, and the journal's position as `seq`; of a past event it does not tell where it was."""
    is_told = is_told_by_feed(event)
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
            "lat": event.lat if is_told else None,
            "lon": event.lon if is_told else None,
        },
    }
