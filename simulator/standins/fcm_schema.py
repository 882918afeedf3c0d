"""What FCM accepts as a message: names, types and rules of its HTTP v1 API.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

PAYLOAD_LIMIT = 4096
TTL_LIMIT_S = 4 * 7 * 24 * 3600
DURATION = re.compile(r"(\d+)(\.\d{1,9})?s")
PHONE_TOKEN = re.compile(r"[\w:-]{1,4096}")
RESERVED_KEYS = re.compile(r"from|message_type|google\..*|gcm\.notification\..*")


class Violation(NamedTuple):
    field: str
    description: str


Check = Callable[[Any, str], Iterator[Violation]]


def violations(body: object) -> list[Violation]:
    """Everything Google would refuse in the body of messages:send; empty if nothing."""
    problems = list(_request(body, ""))
    if not problems and isinstance(body, dict):
        message = body.get("message")
        problems = list(_rules(message) if message else [Violation("message", "Message is missing.")])
    return problems


def _wrong(at: str, type_name: str, value: object) -> Violation:
    return Violation(at, f"Invalid value at '{at}' ({type_name}), {json.dumps(value)}")


def _typed(kind: type, type_name: str) -> Check:
    def check(value: Any, at: str) -> Iterator[Violation]:
        if not isinstance(value, kind):
            yield _wrong(at, type_name, value)

    return check


_text = _typed(str, "TYPE_STRING")
_flag = _typed(bool, "TYPE_BOOL")
_struct = _typed(dict, "type.googleapis.com/google.protobuf.Struct")


def _texts(value: Any, at: str) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield _wrong(at, "MapEntry", value)
        return
    for number, entry in enumerate(value.values()):
        yield from _text(entry, f"{at}[{number}].value")


def _priority(value: Any, at: str) -> Iterator[Violation]:
    # Google's own SDKs send it in small letters.
    if not isinstance(value, str) or value.upper() not in ("NORMAL", "HIGH"):
        yield _wrong(at, "type.googleapis.com/google.firebase.fcm.v1.AndroidConfig.AndroidMessagePriority", value)


def _ttl(value: Any, at: str) -> Iterator[Violation]:
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        yield _wrong(at, "type.googleapis.com/google.protobuf.Duration", value)
    elif int(match[1]) > TTL_LIMIT_S:
        yield Violation(at, "TTL must be at most four weeks.")


def _object(**names: Check) -> Check:
    """Names in snake_case; JSON may also spell them in camelCase, as protocol buffers allow."""

    def check(value: Any, at: str) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield _wrong(at, "message", value)
            return
        for name, entry in value.items():
            entry_check = names.get(re.sub(r"([A-Z])", r"_\1", name).lower())
            if entry_check is None:
                yield _unknown(name, at)
            else:
                yield from entry_check(entry, f"{at}.{name}" if at else name)

    return check


def _unknown(name: str, at: str) -> Violation:
    where = f" at '{at}'" if at else ""
    return Violation(at, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


_label = _object(analytics_label=_text)
_android = _object(
    collapse_key=_text,
    priority=_priority,
    ttl=_ttl,
    restricted_package_name=_text,
    data=_texts,
    notification=_struct,
    fcm_options=_label,
    direct_boot_ok=_flag,
    bandwidth_constrained_ok=_flag,
    restricted_satellite_ok=_flag,
)
_apns = _object(
    headers=_texts,
    payload=_struct,
    fcm_options=_object(analytics_label=_text, image=_text),
    live_activity_token=_text,
)
_message = _object(
    name=_text,
    data=_texts,
    notification=_object(title=_text, body=_text, image=_text),
    android=_android,
    webpush=_struct,
    apns=_apns,
    fcm_options=_label,
    token=_text,
    topic=_text,
    condition=_text,
)
_request = _object(message=_message)


def _rules(message: Mapping[str, Any]) -> Iterator[Violation]:
    targets = [name for name in ("token", "topic", "condition") if message.get(name)]
    if len(targets) != 1:
        yield Violation("message", "Exactly one of token, topic or condition is required.")
    elif targets != ["token"]:
        yield Violation(f"message.{targets[0]}", "This stand-in has phones only: send to a token.")
    elif not PHONE_TOKEN.fullmatch(message["token"]):
        yield Violation("message.token", "The registration token is not a valid FCM registration token")
    yield from _data_rules(message.get("data", {}))
    yield from _apns_rules(message.get("apns", {}).get("payload"))


def _data_rules(data: Mapping[str, str]) -> Iterator[Violation]:
    for key in data:
        if RESERVED_KEYS.fullmatch(key):
            yield Violation("message.data", f"Invalid data payload key: {key}")
    if sum(len(key.encode()) + len(value.encode()) for key, value in data.items()) > PAYLOAD_LIMIT:
        yield Violation("message.data", "Message is too big")


def _apns_rules(payload: Mapping[str, Any] | None) -> Iterator[Violation]:
    if payload is None:
        return
    if not isinstance(payload.get("aps"), dict):
        yield Violation("message.apns.payload", "The payload needs an aps dictionary.")
    if len(json.dumps(payload, ensure_ascii=False).encode()) > PAYLOAD_LIMIT:
        yield Violation("message.apns.payload", "Message is too big")
