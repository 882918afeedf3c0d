"""Reads what a watch sent. Nothing in a signal's fields can refuse it: what is wrong gets a warning and a stand-in."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive

from ..kinds import DetectedType

DEFAULT_SEVERITY = 3
FUTURE_TOLERATED = timedelta(seconds=60)
CLOCK_BELIEVED = timedelta(hours=24)
RAW_PAYLOAD_MOST = 64 * 1024
LEVELS_MOST = 64
COUNTDOWN_MOST_S = 60
ACCURACY_MOST_M = 100_000
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Reading:
    """A signal as understood, and from `arrive` on with its times. Degrees WGS 84, metres, UTC."""

    received_at: datetime = NEVER
    occurred_at: datetime = NEVER
    device_uid: str = ""
    device_time: datetime | None = None
    sent_at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    altitude: float | None = None
    accuracy_m: float | None = None
    detected_type: DetectedType = DetectedType.OTHER
    detected_type_text: str = ""
    severity: int = DEFAULT_SEVERITY
    signal_uid: str = ""
    countdown_s: int = 0
    silent: bool = False
    is_drill: bool = False
    is_stale: bool = False
    raw_payload: Any = None
    warnings: dict[str, list[str]] = field(default_factory=dict)

    @property
    def clock_is_believed(self) -> bool:
        """Whether the device's clock is within 24 hours of the server's."""
        return self.device_time is not None and abs(self.received_at - self.device_time) <= CLOCK_BELIEVED

    @property
    def measured_at(self) -> datetime:
        """When the signal was made, and its place measured; when it arrived if its clock cannot be believed."""
        is_believed = self.received_at - self.occurred_at <= CLOCK_BELIEVED
        return min(self.occurred_at, self.received_at) if is_believed else self.received_at

    @cached_property
    def hash(self) -> bytes:
        """The spec's hash: device, device time and payload."""
        time = self.device_time.isoformat() if self.device_time else None
        parts = [
            self.device_uid,
            time,
            self.lat,
            self.lon,
            self.detected_type,
            self.severity,
            self.raw_payload,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()

    @cached_property
    def payload_digest(self) -> bytes | None:
        """Tells one payload from another; None without one."""
        if self.raw_payload is None:
            return None
        return hashlib.sha256(json.dumps(self.raw_payload, sort_keys=True).encode()).digest()

    def warn(self, name: str, why: str) -> None:
        """Adds a warning about a field."""
        self.warnings.setdefault(name, []).append(why)

    def arrive(self, at: datetime) -> None:
        """The server has it since then. With `sent_at`, a wrong clock still tells how long ago it happened."""
        self.received_at = self.occurred_at = at
        if self.device_time is None:
            self.warn("timestamp", "Is missing or not ISO 8601 with a zone; the server's time is used.")
            return
        try:
            occurred_at = self.device_time + (at - self.sent_at) if self.sent_at else self.device_time
        except OverflowError:
            occurred_at = self.device_time
        if occurred_at > at + FUTURE_TOLERATED:
            self.warn("timestamp", "Is ahead of the server's clock; the server's time is used.")
        else:
            self.occurred_at = occurred_at


def read_signal(body: dict[str, Any]) -> Reading:
    """What a JSON object of any shape says; when it came is told by `arrive`."""
    reading = Reading()
    raw_payload = _read_depth(reading, body.get("raw_payload"))
    body = storable(body)
    _read_device(reading, body)
    _read_place(reading, body.get("lat"), body.get("lon"), body.get("altitude"))
    _read_accuracy(reading, body.get("accuracy_m"))
    _read_type(reading, body.get("detected_type"))
    _read_severity(reading, body.get("severity"))
    reading.device_time, reading.sent_at = _time(body.get("timestamp")), _time(body.get("sent_at"))
    _read_signal_uid(reading, body.get("signal_uid"))
    _read_countdown(reading, body.get("countdown_s"))
    _read_silent(reading, body.get("silent"))
    _read_payload(reading, storable(raw_payload))
    return reading


def storable(value: Any, levels: int = LEVELS_MOST) -> Any:
    """The same JSON without what cannot be kept: NaN, Infinity, NUL, half a surrogate pair, a too deep nesting."""
    if isinstance(value, dict | list) and not levels:
        return None
    if isinstance(value, dict):
        return {storable(key): storable(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner, levels - 1) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode(errors="replace").decode()
    return value


def _number(value: Any) -> float | None:
    """A finite number, also written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read_device(reading: Reading, body: dict[str, Any]) -> None:
    raw = body.get("device_uid")
    if isinstance(raw, str | int) and not isinstance(raw, bool):
        reading.device_uid = str(raw)[:200]
    else:
        reading.warn("device_uid", "Is missing or not a text; the event has no device.")


def _read_place(reading: Reading, raw_lat: Any, raw_lon: Any, altitude: Any) -> None:
    lat, lon = _number(raw_lat), _number(raw_lon)
    for name, number, most in (("lat", lat, 90), ("lon", lon, 180)):
        if number is None or abs(number) > most:
            reading.warn(name, f"Is missing or not a number from -{most} to {most}; the last known place is used.")
    if lat == 0 and lon == 0:
        reading.warn("lat", "0/0 is no place; the last known place is used.")
    if not reading.warnings.keys() & {"lat", "lon"}:
        reading.lat, reading.lon, reading.altitude = lat, lon, _number(altitude)


def _read_accuracy(reading: Reading, raw: Any) -> None:
    number = _number(raw)
    if number is not None and 0 <= number <= ACCURACY_MOST_M:
        reading.accuracy_m = number
    elif raw is not None:
        reading.warn("accuracy_m", f"Is not a number of metres from 0 to {ACCURACY_MOST_M}; ignored.")


def _read_type(reading: Reading, raw: Any) -> None:
    if isinstance(raw, str) and raw in DetectedType.values:
        reading.detected_type = DetectedType(raw)
        return
    reading.detected_type_text = "" if raw is None else str(raw)[:200]
    reading.warn("detected_type", f"Is not one of {', '.join(DetectedType.values)}; taken as OTHER.")


def _read_severity(reading: Reading, raw: Any) -> None:
    number = _number(raw)
    if number is None:
        reading.warn("severity", f"Is missing or not a number; taken as {DEFAULT_SEVERITY}.")
    else:
        reading.severity = round(min(5.0, max(1.0, number)))
        if reading.severity != number:
            reading.warn("severity", f"Is not a whole number from 1 to 5; taken as {reading.severity}.")


def _time(raw: Any) -> datetime | None:
    """In UTC, since PostgreSQL does not know every offset that ISO 8601 can write."""
    try:
        time = parse_datetime(raw) if isinstance(raw, str) else None
        return None if time is None or is_naive(time) else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _read_signal_uid(reading: Reading, raw: Any) -> None:
    if isinstance(raw, str | int) and not isinstance(raw, bool):
        reading.signal_uid = str(raw)[:100]
    elif raw is not None:
        reading.warn("signal_uid", "Is not a text; ignored.")


def _read_countdown(reading: Reading, raw: Any) -> None:
    number = _number(raw)
    if number is not None:
        reading.countdown_s = round(min(COUNTDOWN_MOST_S, max(0.0, number)))
    if raw is not None and reading.countdown_s != number:
        reading.warn(
            "countdown_s", f"Is not a whole number from 0 to {COUNTDOWN_MOST_S}; {reading.countdown_s} is taken."
        )


def _read_silent(reading: Reading, raw: Any) -> None:
    if raw is not None and not isinstance(raw, bool):
        reading.warn("silent", "Is not true or false; taken as false.")
    reading.silent = raw is True


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in each other more than `levels` times."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (not levels or any(_is_deeper(item, levels - 1) for item in inner))


def _read_depth(reading: Reading, raw: Any) -> Any:
    """The payload, or None when no reader could bear it."""
    if not _is_deeper(raw, LEVELS_MOST):
        return raw
    reading.warn("raw_payload", f"Is nested more than {LEVELS_MOST} levels deep; dropped.")
    return None


def _read_payload(reading: Reading, raw: Any) -> None:
    text = json.dumps(raw, ensure_ascii=False)
    if len(text.encode()) <= RAW_PAYLOAD_MOST:
        reading.raw_payload = raw
        return
    reading.raw_payload = {"cut": text.encode()[:RAW_PAYLOAD_MOST].decode(errors="ignore")}
    reading.warn("raw_payload", f"Is larger than {RAW_PAYLOAD_MOST} bytes; cut.")
