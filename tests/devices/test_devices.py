"""Devices: whose they are, what they report, what is refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.devices.models import Device, LocationTrack
from apps.devices.partitions import create_partitions
from apps.devices.services import Fix, record_fix, register_device
from apps.users.models import User

pytestmark = pytest.mark.django_db
URL = "/api/v1/devices/"
PLACE = {"lat": 41.311081, "lon": 69.240562}


@pytest.fixture
def watch(wearer: User) -> Device:
    return register_device(wearer, "w-1", model="T-Watch 5")[0]


def test_registering_again_gives_the_same_device(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    first = client.post(URL, {"device_uid": "w-1"}, format="json")
    again = client.post(URL, {"device_uid": "w-1"}, format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_anothers_device_is_a_conflict(watch: Device, person: Any, client_of: Any) -> None:
    answer = client_of(person()).post(URL, {"device_uid": watch.device_uid}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("uid", [..., None, "", " ", "a b", "x" * 65, "ж", "a/b", 5, [], "-a", "a\nb"])
def test_bad_serial_names_the_field(wearer: User, client_of: Any, uid: Any) -> None:
    body = {} if uid is ... else {"device_uid": uid}
    answer = client_of(wearer).post(URL, body, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["device_uid"])


@pytest.mark.parametrize("route", [("patch", "status/", {"is_online": True}), ("post", "location/", PLACE)])
def test_device_of_another_does_not_exist(watch: Device, person: Any, client_of: Any, route: Any) -> None:
    method, path, body = route
    for uid in (watch.device_uid, "unknown"):
        answer = getattr(client_of(person()), method)(f"{URL}{uid}/{path}", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert getattr(client_of(), method)(f"{URL}{watch.device_uid}/{path}", body, format="json").status_code == 401


def test_status_keeps_what_it_does_not_mention(watch: Device, wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    client.patch(f"{URL}w-1/status/", {"battery_level": 85, "last_seen_via": "LTE", **PLACE}, format="json")
    shown = client.patch(f"{URL}w-1/status/", {"is_online": False}, format="json").json()
    assert (shown["battery_level"], shown["last_seen_via"], shown["is_online"]) == (85, "LTE", False)
    assert (shown["lat"], shown["lon"], shown["model"]) == (41.311081, 69.240562, "T-Watch 5")
    assert client.patch(f"{URL}w-1/status/", {}, format="json").json()["is_online"] is True


BAD_STATUS: list[tuple[str, Any]] = [
    ("battery_level", 101), ("battery_level", -1), ("battery_level", "85"), ("battery_level", 8.5),
    ("battery_level", True), ("is_online", "yes"), ("is_online", None), ("last_seen_via", "x" * 17),
    ("last_seen_via", 5), ("lat", 91), ("lat", "41"), ("lon", 181), ("lon", None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_STATUS, ids=lambda value: repr(value)[:20])
def test_bad_status_names_the_field(watch: Device, wearer: User, client_of: Any, field: str, value: Any) -> None:
    place = PLACE if field in PLACE else {}
    answer = client_of(wearer).patch(f"{URL}w-1/status/", {**place, field: value}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_half_a_place_names_the_other_half(watch: Device, wearer: User, client_of: Any) -> None:
    answer = client_of(wearer).patch(f"{URL}w-1/status/", {"lat": 41.0}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["lon"])


BAD_LOCATION: list[tuple[str, Any]] = [
    ("lat", ...), ("lat", None), ("lat", "41.3"), ("lat", 90.1), ("lat", True), ("lat", [1]), ("lat", 10**400),
    ("lon", ...), ("lon", -180.1), ("lon", {"type": "Point"}), ("speed", -1), ("speed", 1001), ("direction", 361),
    ("direction", "N"), ("battery_level", 101), ("timestamp", "yesterday"), ("timestamp", 5),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_LOCATION, ids=lambda value: repr(value)[:20])
def test_bad_location_names_the_field_and_keeps_nothing(
    watch: Device, wearer: User, client_of: Any, field: str, value: Any
) -> None:
    body = {key: v for key, v in {**PLACE, field: value}.items() if v is not ...}
    answer = client_of(wearer).post(f"{URL}w-1/location/", body, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not LocationTrack.objects.exists()


@pytest.mark.parametrize("raw", [b'{"lat": NaN, "lon": 69}', b'{"lat": Infinity, "lon": 69}'])
def test_nan_is_not_json(watch: Device, wearer: User, client_of: Any, raw: bytes) -> None:
    answer = client_of(wearer).generic("POST", f"{URL}w-1/location/", raw, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_location_moves_the_device(watch: Device, wearer: User, client_of: Any) -> None:
    body = {**PLACE, "speed": 5.5, "direction": 180.0, "battery_level": 84}
    assert client_of(wearer).post(f"{URL}w-1/location/", body, format="json").status_code == 201
    watch.refresh_from_db()
    assert (watch.position.y, watch.position.x, watch.battery_level, watch.is_online) == (
        41.311081,
        69.240562,
        84,
        True,
    )
    track = LocationTrack.objects.get()
    assert (track.speed, track.direction, track.battery_level) == (5.5, 180.0, 84)


def test_same_fix_twice_is_one_row(watch: Device) -> None:
    at = timezone.now() - timedelta(minutes=1)
    for _ in range(2):
        record_fix(watch, Fix(**PLACE, recorded_at=at))
    assert LocationTrack.objects.count() == 1


def partition_of(track: LocationTrack) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM devices_locationtrack WHERE id = %s", [track.pk])
        return str(cursor.fetchone()[0])


def test_fix_of_today_lies_in_todays_partition_and_a_wild_one_in_default(watch: Device) -> None:
    record_fix(watch, Fix(**PLACE))
    record_fix(watch, Fix(**PLACE, recorded_at=datetime(1999, 1, 1, tzinfo=UTC)))
    old, new = LocationTrack.objects.order_by("recorded_at")
    assert partition_of(new) == f"devices_locationtrack_{new.recorded_at:%Y%m%d}"
    assert partition_of(old) == "devices_locationtrack_default"


def test_late_partition_takes_its_rows_from_default(watch: Device) -> None:
    record_fix(watch, Fix(**PLACE, recorded_at=datetime(2001, 5, 5, 12, tzinfo=UTC)))
    assert create_partitions(date(2001, 5, 5)) == 9
    assert create_partitions(date(2001, 5, 5)) == 0
    assert partition_of(LocationTrack.objects.get()) == "devices_locationtrack_20010505"


def test_push_token_moves_to_who_uses_the_phone_now(wearer: User, person: Any, client_of: Any) -> None:
    body = {"token": "abc", "platform": "ANDROID"}
    first = client_of(wearer).post("/api/v1/push-tokens/", body, format="json")
    assert (first.status_code, set(first.json())) == (201, {"id", "platform"})
    other = person()
    assert client_of(other).post("/api/v1/push-tokens/", body, format="json").status_code == 200
    assert (wearer.push_tokens.count(), other.push_tokens.count()) == (0, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", ...),
        ("token", ""),
        ("token", "x" * 1025),
        ("token", 5),
        ("token", None),
        ("platform", "NOKIA"),
        ("platform", ...),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bad_push_token_names_the_field(wearer: User, client_of: Any, field: str, value: Any) -> None:
    body = {key: v for key, v in {"token": "t", "platform": "IOS", field: value}.items() if v is not ...}
    answer = client_of(wearer).post("/api/v1/push-tokens/", body, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert client_of().post("/api/v1/push-tokens/", body, format="json").status_code == 401
