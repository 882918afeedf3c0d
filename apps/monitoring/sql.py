"""Every statement of monitoring that is written by hand."""

from apps.devices.models import Device
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.sql import MAY_BE_CALLED
from apps.users.models import User
from mdd_backend.database.prepared import Columns

HELPERS_BY_AREA = f"""
SELECT floor(ST_Y(h.position::geometry) / %(high)s), floor(ST_X(h.position::geometry) / %(wide)s), count(*)
FROM devices_helperposition h
WHERE h.position && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)::geography
  AND {MAY_BE_CALLED}
GROUP BY 1, 2
"""

# What the feed tells of the journal, and of the events that have opened
ENTRY = Columns(JournalEntry, "j", "id", "event_id", "position", "kind", "status", "at", "actor_id", "data")
EVENT_TOLD = Columns(SosEvent, "e", "id", "uid")
ENTRIES_AFTER = f"""
SELECT {ENTRY}, {EVENT_TOLD}
FROM (SELECT * FROM sos_journalentry WHERE position > %s ORDER BY position LIMIT %s) j
LEFT JOIN sos_sosevent e ON e.id = j.event_id
ORDER BY j.position
"""
EVENT = Columns(
    SosEvent, "e", "id", "uid", "user_id", "device_id", "occurred_at", "received_at", "status", "detected_type",
    "severity", "is_drill", "device_uid_text", "position",
)  # fmt: skip
WEARER, WATCH = Columns(User, "u", "id", "phone_number"), Columns(Device, "d", "id", "device_uid")
EVENTS = f"""
SELECT {EVENT}, {WEARER}, {WATCH}
FROM sos_sosevent e JOIN users_user u ON u.id = e.user_id LEFT JOIN devices_device d ON d.id = e.device_id
WHERE e.id = ANY(%s)
"""
