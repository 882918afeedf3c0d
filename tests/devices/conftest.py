"""A watch of the wearer's, its owner's client and its own."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.intake.route import Intake
from apps.devices.models import Device
from apps.devices.rules.recording import let_in, record_all
from apps.devices.rules.registry import register_device
from apps.users.models import User

URL = "/api/v1/devices/"
MINE = f"{URL}w-1/"
PLACE = {"lat": 41.311081, "lon": 69.240562}
SHAPE = [
    "uuid", "device_uid", "model", "sim_number", "wearer_name", "wearer_phone", "medical_note", "address_note",
    "battery_level", "is_online", "lat", "lon", "position_at", "last_seen_via", "last_seen_at",
    "expected_interval_s", "has_token", "is_established", "created_at",
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


def ask(app: Any, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """What an ASGI application answers. As with Django's own test client, the test's transaction goes on."""

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
            return await client.request(method, path, content=body, headers=headers)

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        return async_to_sync(asked)()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@pytest.fixture(params=["django", "intake"])
def lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions by Django's views, and by the intake before them: neither may behave otherwise than the other."""
    if request.param == "django":
        return
    by_django = APIClient.generic

    def generic(client: Any, method: str, path: str, data: Any = b"", content_type: str = "", **extra: Any) -> Any:
        if not re.search(r"/locations?/$", path):
            return by_django(client, method, path, data, content_type, **extra)
        headers = {"content-type": content_type, "authorization": client._credentials.get("HTTP_AUTHORIZATION", "")}
        intake = Intake(get_asgi_application(), sync_to_async(record_all), sync_to_async(let_in))
        return ask(intake, method, path, data or b"", {name: value for name, value in headers.items() if value})

    monkeypatch.setattr(APIClient, "generic", generic)
