"""What every test has: people, devices and clients of the API, against a real PostgreSQL and Redis."""

import gc
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from apps.devices.services import Fix, record_fix, register_device
from apps.notifications.services import save_push_token
from apps.users.authentication import tokens_for
from apps.users.models import Role, User
from simulator.fcm import running_stand_in

HERE = (41.311081, 69.240562)
METRES_NORTH = 1 / 111_320


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="the long form of the fault tests: minutes of faults")


def pytest_configure() -> None:
    """CPython before 3.11.5 may fail to compile while a garbage collection runs (gh-106905); pytest compiles much."""
    if sys.version_info < (3, 11, 5):
        gc.disable()


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(autouse=True)
def _own_redis_names(settings: Any, worker_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis knows no test databases: each test process has its own channel."""
    channel = f"test-{worker_id}:journal"
    monkeypatch.setattr("mdd_backend.hints.JOURNAL_CHANNEL", channel)
    monkeypatch.setattr("apps.monitoring.feed.JOURNAL_CHANNEL", channel)


_numbers = itertools.count(1)
PASSWORD = "correct-horse-battery"
_HASH = make_password(PASSWORD)


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes people."""

    def make(**fields: Any) -> User:
        number = next(_numbers)
        user = User(phone_number=f"+99890{number:07d}", full_name=f"Person {number}", password=_HASH)
        for name, value in fields.items():
            setattr(user, name, value)
        user.save()
        return user

    return make


@pytest.fixture
def client_of() -> Callable[[User | None], APIClient]:
    """A client of the API signed in as somebody."""

    def make(user: User | None = None) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if user:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens_for(user)['access']}")
        return client

    return make


@pytest.fixture
def wearer(person: Callable[..., User]) -> User:
    return person()


@pytest.fixture
def dispatcher(person: Callable[..., User]) -> User:
    return person(role=Role.ADMIN)


@pytest.fixture
def helper(person: Callable[..., User]) -> Callable[..., User]:
    """Makes helpers on duty, `metres` north of HERE, with a phone that can be reached."""

    def make(metres: float = 500, **fields: Any) -> User:
        user = person(**{"role": Role.HELPER, "on_duty": True} | fields)
        device, _ = register_device(user, f"phone-{user.pk}")
        record_fix(device, Fix(lat=HERE[0] + metres * METRES_NORTH, lon=HERE[1]))
        save_push_token(user, f"token-{user.pk}", "ANDROID")
        return user

    return make


@pytest.fixture
def signal() -> Callable[..., dict[str, Any]]:
    """The spec's trigger request, changed as asked; None takes a key away."""

    def make(**changes: Any) -> dict[str, Any]:
        body = {
            "device_uid": "watch_unique_serial_001",
            "lat": HERE[0],
            "lon": HERE[1],
            "altitude": 500.0,
            "detected_type": "FALL_DETECTED",
            "severity": 4,
            "timestamp": "2025-10-28T12:00:00Z",
            "raw_payload": {"sensor_data": "..."},
        } | changes
        return {key: value for key, value in body.items() if value is not ...}

    return make


@pytest.fixture
def press(client_of: Callable[..., APIClient], signal: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Sends a trigger as somebody."""

    def make(user: User, **changes: Any) -> Any:
        return client_of(user).post("/api/v1/sos/trigger/", signal(**changes), format="json")

    return make


@pytest.fixture
def fcm(settings: Any) -> Iterator[Any]:
    """A stand-in Firebase on loopback, with its credentials in the settings."""
    with running_stand_in() as stand_in:
        settings.FCM_ENDPOINT = stand_in.url
        settings.FCM_SERVICE_ACCOUNT_JSON = json.dumps(stand_in.service_account)
        yield stand_in
