"""What every test has: people, devices and clients of the API, against a real PostgreSQL and Redis."""

import gc
import itertools
import json
import os
import sys
from collections.abc import Callable, Generator, Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import TransactionTestCase
from phonenumber_field.phonenumber import PhoneNumber
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.notifications.models import Notification, PushToken
from apps.notifications.rules.queueing import save_push_token
from apps.notifications.transports import eskiz as eskiz_transport
from apps.notifications.transports import fcm as fcm_transport
from apps.sos.models import SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import Role, Status, User
from apps.users.rules import looks
from apps.users.rules.contacts import add_contact, block_helper
from apps.users.rules.sessions import begin
from launcher.private import on_demand
from mdd_backend.hashing import QueuedArgon2
from simulator.standins.eskiz import running_eskiz
from simulator.standins.fcm import running_stand_in

HERE = (41.311081, 69.240562)
METRES_NORTH = 1 / 111_320


# The same examples each time and however long one takes, so that no test fails for what another run has found or for a
# busy machine's sake; `--hypothesis-profile default` looks for others.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="the long form of the fault tests: minutes of faults")


def pytest_configure() -> None:
    _compile_without_collecting()


def _compile_without_collecting() -> None:
    """CPython 3.11 may fail to compile while a garbage collection runs (gh-106905, seen in 3.11.7 too)."""
    if sys.version_info < (3, 12):
        gc.disable()


def pytest_collection_finish() -> None:
    """What was imported stays: no later collection looks through it."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish() -> Generator[None, None, None]:
    """Plugins import, and pytest compiles, what they report with only now."""
    _compile_without_collecting()
    return (yield)


LONGEST_FIRST = (
    "tests/faults",
    "tests/console/test_console.py",
    "tests/sos/dispatch/test_machine.py",
    "tests/console/test_map.py",
    "tests/nginx/test_service.py",
    "tests/nginx/test_production.py",
    "tests/backups/test_restore.py",
    "tests/api/test_schema.py",
    "tests/console/test_page_and_map.py",
    "tests/nginx/test_held_open.py",
    "tests/console",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: at the end no process waits for another's long test."""

    def place(item: pytest.Item) -> int:
        long = [number for number, path in enumerate(LONGEST_FIRST) if item.nodeid.startswith(path)]
        return long[0] if long else len(LONGEST_FIRST)

    items.sort(key=place)


# A password's hash takes 100 ms of a core on purpose; the tests' passwords are no secrets.
QueuedArgon2.time_cost, QueuedArgon2.memory_cost = 1, 8

KEPT = {"django_content_type", "auth_permission"}
"""Tables whose rows come with the migrations, not from tests."""


def _empty_tables(_: TransactionTestCase) -> None:
    """As Django's `flush` would, which truncates every table whether it holds anything or not, and then makes each
    permission anew: some 0.3 s for each test that needs real transactions.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    emptied = "; ".join(f'DELETE FROM "{table}"' for table in sorted(tables - {"sos_journalentry"}))
    with connection.cursor() as cursor:  # no journal entry can be deleted, only all of them
        cursor.execute(f"TRUNCATE sos_journalentry; {emptied}")


TransactionTestCase._fixture_teardown = _empty_tables


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Each process's database is a copy of the one that `./mdd test` keeps migrated (launcher/private/template.py)."""
    on_demand.keep_promise()
    settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = os.environ.get("TEST_TEMPLATE")


@pytest.fixture(autouse=True)
def _own_redis_names(settings: Any, worker_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis knows no test databases: each test process has its own channel."""
    channel = f"test-{worker_id}:journal"
    monkeypatch.setattr("mdd_backend.hints.JOURNAL_CHANNEL", channel)
    monkeypatch.setattr("apps.monitoring.feed.reader.JOURNAL_CHANNEL", channel)


@pytest.fixture(autouse=True)
def _looks_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread writes them: it would not see what a test has not committed. Who reads them says `flush`."""
    monkeypatch.setattr(looks._Writer, "begin", lambda self: None)
    looks._writer.take()


@pytest.fixture(autouse=True)
def _no_text_messages(settings: Any) -> None:
    """Whatever the environment says: who tests them says so."""
    settings.SMS_TRANSPORT = ""


_numbers = itertools.count(1)
PASSWORD = "correct-horse-battery"
_HASH = make_password(PASSWORD)


def make_person(**fields: Any) -> User:
    number = next(_numbers)
    user = User(phone_number=f"+99890{number:07d}", full_name=f"Person {number}", password=_HASH)
    for name, value in fields.items():
        setattr(user, name, value)
    user.save()
    return user


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes people."""
    return make_person


def make_client(user: User | None = None) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if user:
        token = AccessToken.for_user(user)
        token["version"] = user.token_version
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def client_of() -> Callable[[User | None], APIClient]:
    """A client of the API signed in as somebody."""
    return make_client


@pytest.fixture
def wearer(person: Callable[..., User]) -> User:
    return person()


@pytest.fixture
def dispatcher(person: Callable[..., User]) -> User:
    return person(role=Role.ADMIN)


@pytest.fixture
def superuser(person: Callable[..., User]) -> User:
    return person(role=Role.ADMIN, is_superuser=True)


def make_helper(metres: float = 500, **fields: Any) -> User:
    user = make_person(**{"role": Role.HELPER, "on_duty": True} | fields)
    device, _ = register_device(user, f"phone-{user.pk}")
    record_fix(device, Fix(lat=HERE[0] + metres * METRES_NORTH, lon=HERE[1]))
    save_push_token(user, f"token-{user.pk}", "ANDROID")
    return user


@pytest.fixture
def helper(db: None) -> Callable[..., User]:
    """Makes helpers on duty, `metres` north of HERE, with a phone that can be reached."""
    return make_helper


def make_signal(**changes: Any) -> dict[str, Any]:
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


@pytest.fixture
def signal() -> Callable[..., dict[str, Any]]:
    """The spec's trigger request, changed as asked; `...` takes a key away."""
    return make_signal


def send_signal(user: User, **changes: Any) -> Any:
    return make_client(user).post("/api/v1/sos/trigger/", make_signal(**changes), format="json")


@pytest.fixture
def press() -> Callable[..., Any]:
    """Sends a trigger as somebody."""
    return send_signal


@pytest.fixture
def _nothing_known_of_providers() -> None:
    """Another test's stand-in may have had the same port: its token is refused by the next one, which costs a try."""
    for provider in (eskiz_transport, fcm_transport):
        provider._account.cache_clear()


@pytest.fixture
def fcm(settings: Any, _nothing_known_of_providers: None) -> Iterator[Any]:
    """A stand-in Firebase on loopback, with its credentials in the settings."""
    with running_stand_in() as stand_in:
        settings.FCM_ENDPOINT = stand_in.url
        settings.FCM_SERVICE_ACCOUNT_JSON = json.dumps(stand_in.service_account)
        yield stand_in


@pytest.fixture
def eskiz(settings: Any, _nothing_known_of_providers: None) -> Iterator[Any]:
    """A stand-in gateway for text messages on loopback, with its credentials in the settings."""
    with running_eskiz() as stand_in:
        settings.SMS_TRANSPORT = "eskiz"
        settings.ESKIZ_BASE_URL = stand_in.url
        settings.ESKIZ_EMAIL, settings.ESKIZ_PASSWORD = stand_in.email, stand_in.password
        yield stand_in


def make_scene() -> Any:
    """What tests/api/routes.py tries its routes on."""
    from tests.api.routes import Scene  # noqa: PLC0415 - it imports from here

    people = {
        "user": make_person(),
        "owner": make_person(),
        "stranger": make_person(),
        "called": make_helper(200),
        "other": make_helper(20_000),
        "admin": make_person(role=Role.ADMIN),
        "banned": make_person(status=Status.BANNED),
        "superuser": make_person(role=Role.ADMIN, is_superuser=True),
    }
    device, _ = register_device(people["owner"], "watch-of-owner")
    record_fix(device, Fix(*HERE))
    register_device(people["stranger"], "watch-of-stranger")
    token = make_client(people["owner"]).post(f"/api/v1/devices/{device.device_uid}/token/").json()["token"]
    save_push_token(people["owner"], "token-of-owner", "ANDROID")
    send_signal(people["owner"], device_uid=device.device_uid)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    block_helper(people["owner"], people["other"].uuid)
    return Scene(
        people,
        device.device_uid,
        event,
        PushToken.objects.get(user=people["owner"]).pk,
        Notification.objects.get(user=people["called"]).data["receipt_url"].rstrip("/").rpartition("/")[2],
        add_contact(people["owner"], PhoneNumber.from_string("+998900000999"), name="Contact").uuid,
        Notification.objects.get(user=people["called"]),
        begin(people["owner"])["session"],
        {name: str(AccessToken.for_user(user)) for name, user in people.items()} | {"watch": token},
    )


@pytest.fixture
def route_scene(db: None) -> Any:
    """The people, the watch and the open event of tests/api/routes.py."""
    return make_scene()
