"""A signal is never refused for what its fields hold, and a repeat never makes a second event."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any
from unittest import mock

import pytest
from django.db import connections
from django.db.models import F
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.sos.kinds import EventStatus
from apps.sos.models import JournalEntry, Signal, SosEvent
from apps.sos.rules import opening
from apps.users.models import Status, User
from apps.users.rules.accounts import change_standing

pytestmark = pytest.mark.django_db
URL = "/api/v1/sos/trigger/"
DEEP = b'{"raw_payload": ' + b"[" * 900 + b"]" * 900 + b"}"


def deep(opening: str, closing: str, levels: int) -> str:
    return opening * levels + "1" + closing * levels


@pytest.fixture
def watch(wearer: User) -> Any:
    return register_device(wearer, "watch_unique_serial_001")[0]


def now(seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_event_holds_what_the_watch_said(wearer: User, watch: Any, press: Callable[..., Any]) -> None:
    event = SosEvent.objects.get(uid=press(wearer).json()["event_uid"])
    assert (event.user, event.device, event.detected_type, event.severity) == (wearer, watch, "FALL_DETECTED", 4)
    assert (event.lat, event.lon, event.altitude) == (41.311081, 69.240562, 500.0)
    assert (event.location_source, event.location_age_s) == ("SIGNAL", 0)
    assert event.occurred_at == datetime(2025, 10, 28, 12, tzinfo=UTC)
    assert event.signals.get().raw_payload == {"sensor_data": "..."}
    assert event.next_step_at is not None


FLAWS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"lat": None}, "lat", {"location_source": "NONE"}),
    ({"lat": ...}, "lat", {"location_source": "NONE"}),
    ({"lat": float("nan")}, "lat", {"location_source": "NONE"}),
    ({"lat": 90.01}, "lat", {"location_source": "NONE"}),
    ({"lon": -181}, "lon", {"location_source": "NONE"}),
    ({"lon": float("inf")}, "lon", {"location_source": "NONE"}),
    ({"lon": [69]}, "lon", {"location_source": "NONE"}),
    ({"lat": 0, "lon": 0}, "lat", {"location_source": "NONE"}),
    ({"lat": True}, "lat", {"location_source": "NONE"}),
    ({"severity": ...}, "severity", {"severity": 3}),
    ({"severity": 99}, "severity", {"severity": 5}),
    ({"severity": -1}, "severity", {"severity": 1}),
    ({"severity": "high"}, "severity", {"severity": 3}),
    ({"severity": float("nan")}, "severity", {"severity": 3}),
    ({"severity": 10**400}, "severity", {"severity": 3}),
    ({"detected_type": "HEART"}, "detected_type", {"detected_type": "OTHER", "detected_type_text": "HEART"}),
    ({"detected_type": {"a": 1}}, "detected_type", {"detected_type": "OTHER"}),
    ({"detected_type": "x" * 5000}, "detected_type", {"detected_type_text": "x" * 200}),
    ({"timestamp": "yesterday"}, "timestamp", {"occurred_at": F("received_at")}),
    ({"timestamp": "2025-13-45T99:00:00Z"}, "timestamp", {"occurred_at": F("received_at")}),
    ({"timestamp": 1730116800}, "timestamp", {"occurred_at": F("received_at")}),
    ({"timestamp": "2999-01-01T00:00:00Z"}, "timestamp", {"occurred_at": F("received_at")}),
    ({"device_uid": "nobody's"}, "device_uid", {"device": None, "device_uid_text": "nobody's"}),
    ({"device_uid": ...}, "device_uid", {"device": None}),
    ({"device_uid": 7}, "device_uid", {"device": None, "device_uid_text": "7"}),
    ({"device_uid": ["a"]}, "device_uid", {"device": None}),
    ({"device_uid": "nul\0"}, "device_uid", {"device": None, "device_uid_text": "nul\ufffd"}),
    ({"device_uid": "half\ud800"}, "device_uid", {"device": None, "device_uid_text": "half?"}),
    ({"signal_uid": []}, "signal_uid", {}),
    ({"raw_payload": "y" * 100_000}, "raw_payload", {}),
]


@pytest.mark.parametrize(("changes", "named", "stored"), FLAWS, ids=lambda value: str(value)[:40])
def test_flawed_signal_is_stored_with_a_warning_that_names_the_field(
    changes: dict[str, Any], named: str, stored: dict[str, Any], wearer: User, watch: Any, signal: Any, client_of: Any
) -> None:
    answer = client_of(wearer).generic("POST", URL, json.dumps(signal(**changes)), content_type="application/json")
    assert answer.status_code == 201
    assert named in answer.json()["warnings"]
    assert SosEvent.objects.filter(uid=answer.json()["event_uid"], **stored).exists()


@pytest.mark.parametrize("levels", [65, 1_000, 70_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('["]\\"", [', "]]")])
def test_too_deep_payload_is_dropped_and_all_else_is_kept(
    wearer: User, watch: Any, signal: Any, client_of: Any, opening: str, closing: str, levels: int
) -> None:
    payload = deep(opening, closing, levels)
    head, tail = json.dumps(signal(raw_payload="HERE", signal_uid="a [ {")).split('"HERE"')
    answer = client_of(wearer).generic("POST", URL, f"{head}{payload}{tail}", content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["warnings"] == {"raw_payload": ["Is nested more than 64 levels deep; dropped."]}
    stored = SosEvent.objects.get().signals.get()
    assert (stored.raw_payload, stored.signal_uid, stored.event.device) == (None, "a [ {", watch)
    assert (stored.event.lat, stored.event.lon, stored.event.severity) == (41.311081, 69.240562, 4)


def test_payload_of_64_levels_is_kept(wearer: User, watch: Any, signal: Any, client_of: Any) -> None:
    body = json.dumps(signal(raw_payload="HERE")).replace('"HERE"', deep("[", "]", 64))
    answer = client_of(wearer).generic("POST", URL, body, content_type="application/json")
    assert "warnings" not in answer.json()
    assert json.dumps(SosEvent.objects.get().signals.get().raw_payload) == deep("[", "]", 64)


@pytest.mark.parametrize("name", ["lat", "severity", "device_uid", "detected_type", "timestamp", "signal_uid", "x"])
def test_too_deep_in_any_field_is_an_sos(wearer: User, signal: Any, client_of: Any, name: str) -> None:
    body = json.dumps(signal(**{name: "HERE"})).replace('"HERE"', deep("[", "]", 100_000))
    answer = client_of(wearer).generic("POST", URL, body, content_type="application/json")
    assert (answer.status_code, SosEvent.objects.get().user) == (201, wearer)


def test_no_place_at_all_takes_the_last_known_one(wearer: User, watch: Any, press: Any) -> None:
    record_fix(watch, Fix(lat=41.3, lon=69.2, recorded_at=datetime.now(UTC) - timedelta(seconds=90)))
    event = SosEvent.objects.get(uid=press(wearer, lat=None).json()["event_uid"])
    assert (event.lat, event.lon, event.location_source) == (41.3, 69.2, "DEVICE")
    assert 89 <= event.location_age_s <= 100


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\xef\xbb\xbf{}", b'{"raw_payload": NaN, "x": ["\\u0000", "\\ud800"]}', DEEP]
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_any_json_object_is_an_sos_under_any_content_type(wearer: User, client_of: Any, body: bytes, kind: str) -> None:
    answer = client_of(wearer).generic("POST", URL, body, content_type=kind, HTTP_ACCEPT="text/html")
    assert answer.status_code == 201
    assert SosEvent.objects.get(uid=answer.json()["event_uid"]).user == wearer


@pytest.mark.parametrize("body", [b"[]", b'"help"', b"{", b"\xff{}", b"[" * 100_000, b'{"a":' * 100_000, b"null"])
def test_what_is_not_a_json_object_is_refused(wearer: User, client_of: Any, body: bytes) -> None:
    answer = client_of(wearer).generic("POST", URL, body, content_type="application/json")
    assert (answer.status_code, set(answer.json())) == (400, {"detail", "code"})


def test_body_over_a_mebibyte_is_refused(wearer: User, client_of: Any) -> None:
    answer = client_of(wearer).post(URL, {"raw_payload": "x" * 2**20}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer nonsense", "Bearer a.b.c"])
def test_no_or_bad_token_is_refused(client_of: Any, signal: Any, token: str, db: None) -> None:
    answer = client_of().post(URL, signal(), format="json", HTTP_AUTHORIZATION=token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert SosEvent.objects.count() == 0


def test_banned_person_can_still_call_for_help(wearer: User, watch: Any, press: Any, client_of: Any) -> None:
    client = client_of(wearer)
    change_standing(wearer, role=wearer.role, status=Status.BANNED)
    assert press(wearer).status_code == 201
    assert client.post("/api/v1/devices/", {"device_uid": "w2"}, format="json").status_code == 401


def test_strangers_device_gives_the_callers_own_event(wearer: User, watch: Any, person: Any, press: Any) -> None:
    stranger = person()
    event = SosEvent.objects.get(uid=press(stranger).json()["event_uid"])
    assert (event.user, event.device, event.device_uid_text) == (stranger, None, watch.device_uid)


# --- repeats


def test_second_press_within_the_window_is_the_same_event(wearer: User, watch: Any, press: Any) -> None:
    first = press(wearer, timestamp=now(), severity=2)
    again = press(wearer, timestamp=now(1), severity=5, lat=41.32)
    assert (again.status_code, again.json()) == (200, {"status": "duplicate", "event_uid": first.json()["event_uid"]})
    event = SosEvent.objects.get()
    assert (event.signal_count, event.severity, event.lat) == (2, 5, 41.32)
    kinds = event.journal.order_by("position").values_list("kind", flat=True)
    assert list(kinds) == ["EVENT_OPENED", "SIGNAL_MERGED"]


def test_repeat_without_a_place_keeps_the_known_one(wearer: User, watch: Any, press: Any) -> None:
    press(wearer, timestamp=now())
    press(wearer, timestamp=now(1), lat=None, severity=1)
    event = SosEvent.objects.get()
    assert (event.lat, event.severity, event.location_source) == (41.311081, 4, "SIGNAL")


def test_fall_after_the_window_is_a_new_event_that_follows_the_open_one(wearer: User, watch: Any, press: Any) -> None:
    press(wearer, timestamp=now())
    SosEvent.objects.update(last_signal_at=F("last_signal_at") - timedelta(seconds=301))
    second = press(wearer, timestamp=now(1))
    assert second.status_code == 201
    assert SosEvent.objects.get(uid=second.json()["event_uid"]).follows == SosEvent.objects.earliest("pk")


def close_all() -> None:
    SosEvent.objects.update(status=EventStatus.RESOLVED, next_step_at=None)


def test_fall_after_closing_is_a_new_event(wearer: User, watch: Any, press: Any) -> None:
    press(wearer, timestamp=now())
    close_all()
    assert press(wearer, timestamp=now(1)).status_code == 201


@pytest.mark.parametrize("same", [{"signal_uid": "s-1"}, {"timestamp": now()}], ids=["signal_uid", "device time"])
def test_late_retry_of_a_closed_event_is_its_duplicate(wearer: User, watch: Any, press: Any, same: Any) -> None:
    first = press(wearer, **{"timestamp": now(-1)} | same)
    close_all()
    again = press(wearer, **{"timestamp": now(), "lat": 41.0} | same)
    assert (again.status_code, again.json()["event_uid"]) == (200, first.json()["event_uid"])
    assert Signal.objects.count() == 2
    assert not JournalEntry.objects.filter(kind="SIGNAL_MERGED").exists()


def test_watch_whose_clock_stands_still_is_heard_again(wearer: User, watch: Any, press: Any) -> None:
    press(wearer)  # the very same bytes, with a clock of 2025
    close_all()
    assert press(wearer).status_code == 201


def test_same_time_of_two_devices_is_two_events(wearer: User, watch: Any, press: Any) -> None:
    register_device(wearer, "second")
    stamp = now()
    assert press(wearer, timestamp=stamp).status_code == 201
    assert press(wearer, timestamp=stamp, device_uid="second").status_code == 201
    assert press(wearer, timestamp=stamp, device_uid=...).status_code == 201


def test_sent_at_repairs_a_wrong_clock(wearer: User, watch: Any, press: Any) -> None:
    press(wearer, timestamp="2001-01-01T00:00:00Z", sent_at="2001-01-01T00:01:00Z")
    event = SosEvent.objects.get()
    assert event.received_at - event.occurred_at == timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_32_identical_triggers_at_once_make_one_event(wearer: User, watch: Any, signal: Any, client_of: Any) -> None:
    client: APIClient = client_of(wearer)

    def send(_: int) -> int:
        try:
            return int(client.post(URL, signal(), format="json").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        codes = sorted(pool.map(send, range(32)))
    assert codes == [200] * 31 + [201]
    assert SosEvent.objects.get().signal_count == 32
    assert Signal.objects.count() == 32
    assert Signal.objects.filter(raw_payload__isnull=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_four_invented_watches_at_once_three_are_believed(
    wearer: User, signal: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All four would have counted the account's open events before any of them has opened one."""
    client, four = client_of(wearer), [f"w-{number}" for number in range(4)]
    have_counted, count = Barrier(4), opening._earlier_events

    def count_together(*arguments: Any) -> Any:
        counted = count(*arguments)
        with suppress(BrokenBarrierError):
            have_counted.wait(0.3)
        return counted

    def send(device_uid: str) -> int:
        try:
            return int(client.post(URL, signal(device_uid=device_uid), format="json").status_code)
        finally:
            connections.close_all()

    monkeypatch.setattr(opening, "_earlier_events", count_together)
    for device_uid in four:
        register_device(wearer, device_uid)
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(send, four)] == [201] * 4
    assert SosEvent.objects.filter(doubted_until=None).count() == opening.BELIEVED_AT_ONCE
    assert sorted(SosEvent.objects.values_list("rank", flat=True)) == [404, 404, 404, 504], "one is the first"


def test_signal_of_a_device_removed_this_moment_is_stored_without_it(wearer: User, press: Any) -> None:
    gone = Device(pk=10**9, owner=wearer, device_uid="gone")
    with mock.patch("apps.sos.rules.opening._device_named", return_value=gone):
        assert press(wearer).status_code == 201
    assert SosEvent.objects.get().device is None


@pytest.mark.parametrize(
    "timestamp", ["0420-07-07T01:37:55+20:51", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:59"]
)
def test_time_with_a_wild_offset_refuses_nothing(wearer: User, press: Any, timestamp: str) -> None:
    assert press(wearer, timestamp=timestamp, sent_at=timestamp).status_code == 201
