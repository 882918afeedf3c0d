"""A watch of the wearer's, its owner's client and its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.services import register_device
from apps.users.models import User

URL = "/api/v1/devices/"
MINE = f"{URL}w-1/"
PLACE = {"lat": 41.311081, "lon": 69.240562}
SHAPE = [
    "uuid", "device_uid", "model", "sim_number", "wearer_name", "wearer_phone", "medical_note", "address_note",
    "battery_level", "is_online", "lat", "lon", "position_at", "last_seen_via", "last_seen_at",
    "expected_interval_s", "has_token", "created_at",
]  # fmt: skip


def ago(**how: float) -> datetime:
    return timezone.now() - timedelta(**how)


@pytest.fixture
def watch(wearer: User) -> Device:
    return register_device(wearer, "w-1", model="T-Watch 5")[0]


@pytest.fixture
def owner(watch: Device, client_of: Callable[..., APIClient]) -> APIClient:
    return client_of(watch.owner)


def watch_with(token: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def itself(owner: APIClient) -> APIClient:
    """The watch, signed in by a token of its own."""
    return watch_with(owner.post(f"{MINE}token/").json()["token"])


@pytest.fixture
def send(owner: APIClient) -> Callable[..., Any]:
    """Sends fixes in one batch."""

    def make(*fixes: Any) -> Any:
        return owner.post(f"{MINE}locations/", {"fixes": fixes}, format="json")

    return make
