"""What the API's documents show, true to the serializers."""

from typing import Any

from ..models import default_waves

UID = "7b0e2c38-5a52-4a5c-9a0e-1f4a8a0d6f11"
SIGNAL: dict[str, Any] = {
    "device_uid": "watch_unique_serial_001",
    "lat": 41.311081,
    "lon": 69.240562,
    "altitude": 500.0,
    "detected_type": "FALL_DETECTED",
    "severity": 4,
    "timestamp": "2025-10-28T12:00:00Z",
    "raw_payload": {"sensor_data": "..."},
}
CREATED = {"status": "created", "event_uid": UID}
DUPLICATE = {"status": "duplicate", "event_uid": UID}
ANSWERED = {
    "event_uid": UID,
    "status": "ACCEPTED",
    "event_status": "IN_PROGRESS",
    "lat": 41.311081,
    "lon": 69.240562,
    "position_at": "2025-10-28T12:00:00.412000Z",
    "wearer": {"full_name": "Nodira Karimova", "phone_number": "+998901234567"},
}
STANDING: dict[str, Any] = {
    "event_uid": UID,
    "event_status": "IN_PROGRESS",
    "outcome": None,
    "halted": None,
    "handed_over_to": None,
    "acknowledged_at": "2025-10-28T12:00:31.500000Z",
    "waves_called": 2,
}
RESOLVED = STANDING | {"event_status": "RESOLVED", "outcome": "HELPED"}
CANCELLED = STANDING | {"event_status": "CANCELLED", "outcome": "NO_HELP_NEEDED", "acknowledged_at": None}
DEED: dict[str, Any] = {
    "at": "2025-10-28T12:00:00.412000Z",
    "kind": "ACCOUNT_CHANGED",
    "actor": "0d5a1f3e-6a43-4a53-9a0f-5a2f6f0f7c11",
    "facts": {"person": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4", "changed": {"role": ["USER", "HELPER"]}},
    "remark": None,
}
CONTAINMENT = {
    "uuid": "0d5a1f3e-6a43-4a53-9a0f-5a2f6f0f7c11",
    "contained_at": "2025-10-28T12:00:31.500000Z",
    "closed": [UID],
}
NOTE = {"text": "She answers the phone.", "author": "Dilnoza Yusupova", "created_at": "2025-10-28T12:01:10.250000Z"}
HELPER: dict[str, Any] = {
    "uuid": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4",
    "full_name": "Aziz Rakhimov",
    "phone_number": "+998901112233",
    "status": "ACCEPTED",
    "wave": 1,
    "distance_m": 430.5,
    "distance_now_m": 210,
    "seen_at": "2025-10-28T12:00:40.010000Z",
    "rings": 1,
    "created_at": "2025-10-28T12:00:00.520000Z",
    "answered_at": "2025-10-28T12:00:09.104000Z",
    "accepted_at": "2025-10-28T12:00:09.104000Z",
    "caution": None,
}
PASSED_OVER: dict[str, Any] = {
    "uuid": "5b0d5a3e-7a9c-4a53-8e0c-2f6b1c9d7a10",
    "full_name": "Kamola Azimova",
    "phone_number": "+998901112255",
    "distance_m": 180,
    "reason": "OFF_DUTY",
}
EVENT: dict[str, Any] = {
    "event_uid": UID,
    "status": "IN_PROGRESS",
    "resolved": False,
    "outcome": None,
    "detected_type": "FALL_DETECTED",
    "severity": 4,
    "is_drill": False,
    "timestamp": "2025-10-28T12:00:00Z",
    "received_at": "2025-10-28T12:00:00.412000Z",
    "closed_at": None,
    "signal_count": 1,
    "last_signal_at": "2025-10-28T12:00:00.412000Z",
    "silent": False,
    "unconfirmed_until": None,
    "halted": None,
    "handed_over_to": None,
    "acknowledged_at": "2025-10-28T12:00:31.500000Z",
    "waves_called": 1,
    "lat": 41.311081,
    "lon": 69.240562,
    "altitude": 500.0,
    "accuracy_m": 12.0,
    "position_at": "2025-10-28T12:00:00.412000Z",
    "location_source": "SIGNAL",
    "location_age_s": 0,
    "unsafe_reported_at": None,
    "area": {"lat": 41.311534, "lon": 69.240868, "size_m": 300},
    "wearer": {"full_name": "Nodira Karimova", "phone_number": "+998901234567"},
    "owner": {"full_name": "Rustam Karimov", "phone_number": "+998901234567"},
    "device": {
        "device_uid": "watch_unique_serial_001",
        "model": "T-Watch 5",
        "battery_level": 84,
        "is_online": True,
        "last_seen_at": "2025-10-28T12:00:00.412000Z",
        "lat": 41.311081,
        "lon": 69.240562,
        "position_at": "2025-10-28T11:59:40Z",
        "wearer_name": "Nodira Karimova",
        "wearer_phone": None,
        "medical_note": "Diabetes, insulin in the bag.",
        "address_note": "Second entrance, code 15.",
    },
    "alert": None,
    "helpers": [HELPER],
    "needs_reason": False,
}
DETAIL: dict[str, Any] = EVENT | {
    "reach": [
        {
            "uuid": "5d0f4a8e-93c2-4a53-8e0c-2f6b1c9d7a10",
            "to": "Aziz Rakhimov",
            "person": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4",
            "kind": "SOS_ALERT",
            "channel": "FCM",
            "state": "RECEIVED",
            "reason": "",
            "attempts": 1,
            "created_at": "2025-10-28T12:00:00.520000Z",
            "changes": [{"state": "SENT", "at": "2025-10-28T12:00:00.701000Z"}],
        }
    ],
    "contacts": [
        {
            "name": "Rustam Karimov",
            "phone_number": "+998931234567",
            "language": "uz",
            "told": [
                {
                    "uuid": "0d3b7c11-4f0e-4f8a-a1b5-6c3e9d2f7b40",
                    "kind": "CONTACT_ALARM",
                    "channel": "SMS",
                    "state": "SENT",
                    "reason": "",
                    "created_at": "2025-10-28T12:01:00.530000Z",
                }
            ],
        }
    ],
    "notes": [NOTE],
}
ENTRY: dict[str, Any] = {
    "position": 1043,
    "at": "2025-10-28T12:00:00.520000Z",
    "kind": "WAVE_CALLED",
    "status": "NEW",
    "actor": None,
    "data": {
        "wave": 1,
        "radius_m": 3000,
        "helpers": {"0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4": 430},
    },
}
_STEP = {"count": 12, "median_s": 0.412, "p90_s": 0.9, "p95_s": 1.204}
_TIMES: dict[str, Any] = {
    "events": 12,
    "steps": dict.fromkeys(("first_push", "first_receipt", "first_accept", "first_on_scene"), _STEP),
}
REPORT = {
    "since": "2025-10-28",
    "until": "2025-10-28",
    "zone": "Asia/Tashkent",
    "total": _TIMES,
    "days": [{"day": "2025-10-28", **_TIMES}],
}
POLICY: dict[str, Any] = {
    "detected_type": None,
    "own": True,
    "waves": default_waves(),
    "enough_helpers": 2,
    "repeat_s": 120,
    "contacts_after_s": 60,
    "escalate_after_s": 60,
    "dedup_window_s": 300,
    "position_max_age_s": 3600,
    "receipt_timeout_s": 15,
    "movement_ask_s": 180,
    "movement_release_s": 300,
    "changed_at": "2025-10-28T12:00:00.412000Z",
}
CHANGES: dict[str, Any] = {"waves": POLICY["waves"][:2], "contacts_after_s": 30}
CURRENT: dict[str, Any] = {
    "open": True,
    "ask_again_s": 5,
    "events": [
        {
            "event_uid": UID,
            "status": "IN_PROGRESS",
            "open": True,
            "outcome": None,
            "halted": None,
            "detected_type": "FALL_DETECTED",
            "silent": False,
            "received_at": "2025-10-28T12:00:00.412000Z",
            "calls_at": None,
            "closed_at": None,
            "coming": 1,
            "on_scene": False,
            "nearest_m": 300,
            "helpers_called": 8,
            "phones_reached": 7,
            "contacts_told": 2,
            "dispatcher": True,
        }
    ],
}
