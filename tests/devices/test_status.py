"""What a device says about itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device, LocationTrack
from apps.devices.rules.registry import Fix, record_fix
from tests.devices.conftest import MINE, PLACE, SHAPE, ago

pytestmark = pytest.mark.django_db


def test_status_keeps_what_it_does_not_mention(owner: APIClient) -> None:
    owner.patch(f"{MINE}status/", {"battery_level": 85, "last_seen_via": "LTE", **PLACE}, format="json")
    shown = owner.patch(f"{MINE}status/", {"is_online": False}, format="json").json()
    assert list(shown) == SHAPE
    assert (shown["battery_level"], shown["last_seen_via"], shown["is_online"]) == (85, "LTE", False)
    assert (shown["lat"], shown["lon"], shown["model"]) == (41.311081, 69.240562, "T-Watch 5")
    assert owner.patch(f"{MINE}status/", {}, format="json").json()["is_online"] is True


def test_a_device_may_say_where_it_is_and_that_it_goes(owner: APIClient) -> None:
    shown = owner.patch(f"{MINE}status/", {**PLACE, "is_online": False, "battery_level": 1}, format="json").json()
    assert shown.items() >= {**PLACE, "is_online": False, "battery_level": 1}.items()
    assert LocationTrack.objects.count() == 1


def test_what_its_owner_says_is_no_status(owner: APIClient) -> None:
    shown = owner.patch(f"{MINE}status/", {"model": "x", "wearer_name": "x", "has_token": True}, format="json").json()
    assert (shown["model"], shown["wearer_name"], shown["has_token"]) == ("T-Watch 5", "", False)


BAD_STATUS: list[tuple[str, Any]] = [
    ("battery_level", 101), ("battery_level", -1), ("battery_level", "85"), ("battery_level", 8.5),
    ("battery_level", True), ("battery_level", None), ("is_online", "yes"), ("is_online", None), ("is_online", 1),
    ("last_seen_via", "x" * 17), ("last_seen_via", 5), ("last_seen_via", "a\0b"), ("lat", 91), ("lat", "41"),
    ("lon", 181), ("lon", None), ("lon", 10**400),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_STATUS, ids=lambda value: repr(value)[:20])
def test_bad_status_names_the_field(owner: APIClient, field: str, value: Any) -> None:
    place = PLACE if field in PLACE else {}
    answer = owner.patch(f"{MINE}status/", {**place, field: value}, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", field}
    assert not Device.objects.filter(last_seen_at__isnull=False).exists()


@pytest.mark.parametrize(("body", "named"), [({"lat": 41.0}, "lon"), ({"lon": 69.0}, "lat")])
def test_half_a_place_names_the_other_half(owner: APIClient, body: Any, named: str) -> None:
    answer = owner.patch(f"{MINE}status/", body, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", named}


def test_zero_zero_is_no_place(owner: APIClient) -> None:
    answer = owner.patch(f"{MINE}status/", {"lat": 0, "lon": -0.0}, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code", "lat"}
    assert owner.patch(f"{MINE}status/", {"lat": 0, "lon": 69.0}, format="json").json()["lat"] == 0


def test_battery_of_a_fix_older_than_the_status_does_not_come_back(owner: APIClient, watch: Device) -> None:
    owner.patch(f"{MINE}status/", {"battery_level": 85}, format="json")
    record_fix(watch, Fix(**PLACE, recorded_at=ago(minutes=1), battery_level=20))
    shown = owner.get(MINE).json()
    assert (shown["battery_level"], shown["lat"]) == (85, PLACE["lat"])
    record_fix(watch, Fix(**PLACE, battery_level=84))
    assert owner.get(MINE).json()["battery_level"] == 84


def test_a_place_too_many_moves_the_device_and_is_not_kept(owner: APIClient, watch: Device) -> None:
    Device.objects.update(track_room_at=timezone.now() + timedelta(hours=2))
    answer = owner.patch(f"{MINE}status/", PLACE, format="json")
    assert (answer.status_code, answer.json()["lat"]) == (200, PLACE["lat"])
    assert not LocationTrack.objects.exists()
