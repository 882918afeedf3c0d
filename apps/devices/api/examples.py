"""What the API's documents show, true to the serializers."""

from typing import Any

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
REGISTRATION = {"device_uid": "watch_unique_serial_001", "model": "T-Watch 5"}
REGISTERED = {"uuid": UUID, "device_uid": "watch_unique_serial_001", "model": "T-Watch 5", "sim_number": None}
CHANGE = {
    "wearer_name": "Nodira Karimova",
    "wearer_phone": "+998901234567",
    "medical_note": "Diabetes, insulin in the bag.",
    "address_note": "Second entrance, code 15.",
}
DEVICE: dict[str, Any] = {
    **REGISTERED,
    **CHANGE,
    "battery_level": 84,
    "is_online": True,
    "lat": 41.311081,
    "lon": 69.240562,
    "position_at": "2025-10-28T12:00:00Z",
    "last_seen_via": "LTE",
    "last_seen_at": "2025-10-28T12:00:00.412000Z",
    "expected_interval_s": None,
    "has_token": True,
    "is_established": True,
    "created_at": "2025-10-01T09:30:00.000000Z",
}
TROUBLED = {
    "device_uid": "watch_unique_serial_001",
    "wearer_name": "Nodira Karimova",
    "model": "T-Watch 5",
    "battery_level": 11,
    "is_online": False,
    "last_seen_at": "2025-10-28T12:00:00.412000Z",
    "troubles": ["BATTERY_LOW", "SILENT"],
    "since": "2025-10-28T12:15:31.006000Z",
}
STATUS = {"battery_level": 85, "is_online": True, "lat": 41.311081, "lon": 69.240562, "last_seen_via": "LTE"}
REPORTED = DEVICE | {"battery_level": 85}
LOCATION = {"lat": 41.311081, "lon": 69.240562, "speed": 5.5, "direction": 180.0, "battery_level": 84}
LOCATION_RECORDED = {"status": "location recorded"}
FIXES = {
    "fixes": [
        {**LOCATION, "timestamp": "2025-10-28T12:00:00Z"},
        {"lat": 41.311502, "lon": 69.240562, "timestamp": "2025-10-28T12:00:05Z"},
        {"lat": 0.0, "lon": 0.0, "timestamp": "2025-10-28T12:00:10Z"},
    ]
}
FIXES_RECORDED = {
    "recorded": 1,
    "duplicates": 1,
    "over_limit": 0,
    "refused": [{"index": 2, "errors": {"lat": ["0/0 is no place."]}}],
}
CLAIM_CODE = {
    "claim_code": "7KQ2M9TB",
    "expires_at": "2025-10-29T12:00:00.412000Z",
    "device_uid": "watch_unique_serial_001",
}
MOVE = {"owner": "0d5a1f3e-6a43-4a53-9a0f-5a2f6f0f7c11", "reason": "Sold to a neighbour, who has shown the receipt."}
TOKEN = {"token": "mdd_device_vN3x9qP0l2Yb7uHk5sTjRw8aZc1dEfGmXoQi4-K_6Vt", "device_uid": "watch_unique_serial_001"}
_PROPERTIES: dict[str, Any] = {
    "recorded_at": "2025-10-28T12:00:00Z",
    "received_at": "2025-10-28T12:00:00.412000Z",
    "speed": 5.5,
    "direction": 180.0,
    "battery_level": 84,
}
TRACK = {
    "device_uid": "watch_unique_serial_001",
    "from": "2025-10-28T00:00:00Z",
    "to": "2025-10-29T00:00:00Z",
    "fixes": [{**_PROPERTIES, "lat": 41.311081, "lon": 69.240562}],
    "next_from": None,
}
TRACK_FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [69.240562, 41.311081]},
            "properties": _PROPERTIES,
        }
    ],
    "next_from": None,
}
