"""One fix: where a device is."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device, HelperPosition, LocationTrack
from apps.devices.rules.registry import Fix, record_fix
from apps.sos.models import SosEvent
from apps.users.models import Role, Status, User
from apps.users.rules.accounts import change_standing
from tests.devices.conftest import MINE, PLACE, ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lane")]
LOCATION = f"{MINE}location/"

BAD_LOCATION: list[tuple[str, Any]] = [
    ("lat", ...), ("lat", None), ("lat", "41.3"), ("lat", 90.1), ("lat", True), ("lat", [1]), ("lat", 10**400),
    ("lon", ...), ("lon", -180.1), ("lon", {"type": "Point"}), ("speed", -1), ("speed", 1001), ("speed", "5"),
    ("direction", 361), ("direction", "N"), ("battery_level", 101), ("battery_level", 5.5), ("timestamp", "yesterday"),
    ("timestamp", 5), ("timestamp", "0001-01-01T00:00:00+23:00"), ("timestamp", ""), ("timestamp", "x" * 10_000),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_LOCATION, ids=lambda value: repr(value)[:20])
def test_bad_location_names_the_field_and_keeps_nothing(owner: APIClient, field: str, value: Any) -> None:
    body = {key: v for key, v in {**PLACE, field: value}.items() if v is not ...}
    answer = owner.post(LOCATION, body, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", field}
    assert not LocationTrack.objects.exists()


def test_zero_zero_is_no_place(owner: APIClient) -> None:
    answer = owner.post(LOCATION, {"lat": 0.0, "lon": 0}, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", "lat"}
    for place in ({"lat": 0, "lon": 9.5}, {"lat": 51.5, "lon": 0}):
        assert owner.post(LOCATION, place, format="json").status_code == 201


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_nan_is_not_json(owner: APIClient, number: bytes) -> None:
    body = b'{"lat": %s, "lon": 69}' % number
    answer = owner.generic("POST", LOCATION, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_location_moves_the_device(owner: APIClient, watch: Device) -> None:
    body = {**PLACE, "speed": 5.5, "direction": 180.0, "battery_level": 84}
    assert owner.post(LOCATION, body, format="json").status_code == 201
    watch.refresh_from_db()
    assert watch.position is not None
    assert (watch.position.y, watch.position.x, watch.battery_level, watch.is_online) == (
        41.311081,
        69.240562,
        84,
        True,
    )
    track = LocationTrack.objects.get()
    assert (track.speed, track.direction, track.battery_level) == (5.5, 180.0, 84)
    assert (track.recorded_at, track.received_at) == (watch.position_at, watch.last_seen_at)


def test_whole_numbers_and_nulls_are_numbers_too(owner: APIClient) -> None:
    body = {"lat": 41, "lon": 69, "speed": 5, "direction": None, "battery_level": None, "timestamp": None}
    assert owner.post(LOCATION, body, format="json").status_code == 201
    assert LocationTrack.objects.get().speed == 5.0


def test_same_fix_twice_is_one_row(owner: APIClient) -> None:
    body = {**PLACE, "timestamp": ago(minutes=1).isoformat()}
    for _ in range(2):
        assert owner.post(LOCATION, body, format="json").json() == {"status": "location recorded"}
    assert LocationTrack.objects.count() == 1


def test_another_place_at_the_same_time_does_not_move_it(owner: APIClient) -> None:
    at = ago(minutes=1).isoformat()
    for lat in (41.5, 42.5):
        owner.post(LOCATION, {**PLACE, "lat": lat, "battery_level": int(lat), "timestamp": at}, format="json")
    shown, (fix,) = owner.get(MINE).json(), owner.get(f"{MINE}track/").json()["fixes"]
    assert (shown["lat"], shown["battery_level"], fix["lat"]) == (41.5, 41, 41.5)


def test_a_late_fix_goes_into_the_track_and_moves_nothing_back(owner: APIClient, watch: Device) -> None:
    owner.post(LOCATION, {**PLACE, "battery_level": 84}, format="json")
    late = {"lat": 40.0, "lon": 68.0, "battery_level": 99, "timestamp": ago(hours=1).isoformat()}
    assert owner.post(LOCATION, late, format="json").status_code == 201
    shown = owner.get(MINE).json()
    assert (shown["lat"], shown["lon"], shown["battery_level"]) == (41.311081, 69.240562, 84)
    assert [fix["lat"] for fix in owner.get(f"{MINE}track/").json()["fixes"]] == [40.0, 41.311081]


def test_a_fix_from_the_future_counts_as_now(owner: APIClient, watch: Device) -> None:
    future = (timezone.now() + (timezone.now() - ago(days=365))).isoformat()
    assert owner.post(LOCATION, {**PLACE, "timestamp": future}, format="json").status_code == 201
    watch.refresh_from_db()
    assert watch.position_at is not None
    assert ago(seconds=30) < watch.position_at <= timezone.now()
    owner.post(LOCATION, {"lat": 40.0, "lon": 68.0}, format="json")
    assert owner.get(MINE).json()["lat"] == 40.0


def test_a_fix_without_battery_keeps_the_known_one(owner: APIClient) -> None:
    owner.post(LOCATION, {**PLACE, "battery_level": 84}, format="json")
    owner.post(LOCATION, PLACE, format="json")
    assert owner.get(MINE).json()["battery_level"] == 84


def test_a_helper_moves_with_the_newest_fix_of_any_device(helper: Any, person: Any) -> None:
    user = helper(500)
    phone = user.devices.get()
    record_fix(phone, Fix(40.0, 68.0, recorded_at=ago(minutes=5)))
    assert HelperPosition.objects.get().position.y != 40.0
    record_fix(phone, Fix(42.0, 70.0))
    assert (HelperPosition.objects.get().position.y, HelperPosition.objects.get().device) == (42.0, phone)


def test_a_new_helper_stands_where_a_device_was_last_seen_and_a_former_one_nowhere(watch: Device, wearer: User) -> None:
    record_fix(watch, Fix(**PLACE))
    assert not HelperPosition.objects.exists()
    change_standing(wearer, role=Role.HELPER, status=Status.ACTIVE)
    assert HelperPosition.objects.get().position.y == PLACE["lat"]
    change_standing(wearer, role=Role.USER, status=Status.ACTIVE)
    assert not HelperPosition.objects.exists()


@pytest.fixture
def full(watch: Device) -> Device:
    """The watch, whose track has room for nothing."""
    watch.track_room_at = timezone.now() + timedelta(hours=2)
    watch.save()
    return watch


def test_one_too_many_is_taken_said_and_not_kept(owner: APIClient, full: Device) -> None:
    answer = owner.post(LOCATION, {**PLACE, "battery_level": 84}, format="json")
    assert (answer.status_code, answer.json()) == (201, {"status": "location recorded", "over_limit": 1})
    assert not LocationTrack.objects.exists()
    shown = owner.get(MINE).json()
    assert (shown["lat"], shown["battery_level"], shown["is_online"]) == (PLACE["lat"], 84, True)


def test_what_is_wrong_is_refused_over_the_limit_too(owner: APIClient, full: Device) -> None:
    assert owner.post(LOCATION, {**PLACE, "lat": 91}, format="json").status_code == 400
    assert owner.get(MINE).json()["position_at"] is None


def test_an_sos_has_the_newest_place_of_a_device_that_reports_too_often(owner: APIClient, full: Device) -> None:
    owner.post(LOCATION, PLACE, format="json")
    signal = {"device_uid": "w-1", "detected_type": "FALL_DETECTED"}
    assert owner.post("/api/v1/sos/trigger/", signal, format="json").status_code == 201
    event = SosEvent.objects.get()
    assert (event.location_source, event.lat) == ("DEVICE", PLACE["lat"])


def test_a_helper_who_reports_too_often_moves_all_the_same(helper: Any) -> None:
    phone = helper(500).devices.get()
    Device.objects.update(track_room_at=timezone.now() + timedelta(hours=2))
    assert record_fix(phone, Fix(42.0, 70.0)) == (0, 1)
    assert HelperPosition.objects.get().position.y == 42.0
