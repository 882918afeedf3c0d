"""Examples of the console's answers, for the API's documents."""

from typing import Any

PERSON = {
    "uuid": "5b0d5a3e-7a9c-4a53-8e0c-2f6b1c9d7a10",
    "full_name": "Dilnoza Karimova",
    "phone_number": "+998901234567",
}
CARD: dict[str, Any] = {
    "event_uid": "7b0e2c38-5a52-4a5c-9a0e-1f4a8a0d6f11",
    "status": "NEW",
    "resolved": False,
    "outcome": None,
    "detected_type": "FALL_DETECTED",
    "severity": 4,
    "is_test": False,
    "is_drill": False,
    "timestamp": "2025-10-28T12:00:00Z",
    "received_at": "2025-10-28T12:00:00.420000Z",
    "closed_at": None,
    "signal_count": 1,
    "unconfirmed_until": None,
    "silent": False,
    "stale_credential": False,
    "halted": None,
    "handed_over_to": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "alarm_at": "2025-10-28T12:00:00.420000Z",
    "waves_called": 1,
    "waves": [{"radius_m": 1500, "helpers": 8, "wait_s": 30}],
    "next_step_at": "2025-10-28T12:00:30.520000Z",
    "lat": 41.311081,
    "lon": 69.240562,
    "accuracy_m": 12.0,
    "location_source": "SIGNAL",
    "location_age_s": 0,
    "position_at": "2025-10-28T12:00:00.420000Z",
    "wearer_name": "Dilnoza Karimova",
    "wearer": PERSON,
    "device": {
        "device_uid": "watch_unique_serial_001",
        "model": "T-Watch 5",
        "wearer_name": "Dilnoza Karimova",
        "battery_level": 38,
        "is_online": True,
        "last_seen_at": "2025-10-28T12:00:00.420000Z",
        "lat": 41.311081,
        "lon": 69.240562,
        "position_at": "2025-10-28T12:00:00Z",
    },
    "people": {"called": 8, "reached": 7, "accepted": 0, "en_route": 0, "on_scene": 0, "declined": 1},
    "nearest_m": None,
}
QUEUE: dict[str, Any] = {
    "seq": 1043,
    "server_time": "2025-10-28T12:01:42.310000Z",
    "on_duty": {"helpers": 128, "dispatchers": 2},
    "events": [CARD],
}
EVENT_MAP: dict[str, Any] = {
    "server_time": "2025-10-28T12:01:42.310000Z",
    "track": [{"lat": 41.310902, "lon": 69.240101}, {"lat": 41.311081, "lon": 69.240562}],
    "helpers": [
        {
            "uuid": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4",
            "full_name": "Aziz Rakhimov",
            "status": "EN_ROUTE",
            "lat": 41.3127,
            "lon": 69.2417,
            "seen_at": "2025-10-28T12:01:40Z",
        }
    ],
}
FREE_HELPER = {
    "uuid": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4",
    "full_name": "Aziz Rakhimov",
    "phone_number": "+998901112244",
    "distance_m": 350,
    "caution": None,
}
AREA = {"lat": 41.3108, "lon": 69.2406, "size_m": 300, "reachable": 4}
