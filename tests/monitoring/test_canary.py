"""A test signal from end to end, against a real server, with a phone that posts its receipt or does not."""

import json
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command

from apps.notifications.models import Notification
from apps.notifications.rules.queueing import save_push_token
from apps.sos import sweep
from apps.sos.models import SosEvent
from apps.users.models import Session, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(wearer: User, settings: Any, live_server: Any) -> User:
    settings.CANARY_PHONE, settings.CANARY_PASSWORD = str(wearer.phone_number), PASSWORD
    settings.PUBLIC_URL = live_server.url
    save_push_token(wearer, "canary-phone", "ANDROID")
    return wearer


@pytest.fixture
def sweeping() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=sweep.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def phone(fcm: Any) -> Iterator[None]:
    """Says of every push that it is shown."""
    stop = threading.Event()

    def live() -> None:
        seen = 0
        while not stop.is_set():
            for push in fcm.messages(after=seen, wait_s=0.5):
                seen = push.number
                httpx.post(push.message["data"]["receipt_url"], json={}, trust_env=False).raise_for_status()

    thread = threading.Thread(target=live)
    thread.start()
    yield
    stop.set()
    thread.join()


def fly(**options: Any) -> str:
    said = StringIO()
    call_command("canary", stdout=said, **options)
    return said.getvalue()


def test_each_step_is_told_with_its_milliseconds(
    account: User, fcm: Any, phone: None, sweeping: None, live_server: Any
) -> None:
    lines = [line.rsplit(maxsplit=2) for line in fly(url=live_server.url).splitlines()]
    assert [line[0] for line in lines] == ["signed in", "signal answered", "push sent", "receipt"]
    assert all(line[1].isdecimal() and line[2] == "ms" for line in lines)
    event = SosEvent.objects.get()
    assert (event.detected_type, event.status) == ("TEST", "RESOLVED")
    assert Notification.objects.get().state == "RECEIVED"
    assert not Session.objects.exists(), "it signs out"


def test_flights_are_events_of_their_own(
    account: User, fcm: Any, phone: None, sweeping: None, live_server: Any
) -> None:
    for _ in range(2):
        said = json.loads(fly(url=live_server.url, json=True))
        assert (said["ok"], said["missed"]) == (True, None)
        assert list(said["ms"]) == ["signed in", "signal answered", "push sent", "receipt"]
    assert SosEvent.objects.count() == 2


def test_phone_that_stays_silent_is_named(account: User, fcm: Any, sweeping: None, live_server: Any) -> None:
    with pytest.raises(CommandError, match=r"^receipt: not within 4 s \(SENT\)$"):
        fly(url=live_server.url, wait=4)


def test_push_that_fails_is_named(account: User, sweeping: None, live_server: Any, settings: Any) -> None:
    settings.FCM_SERVICE_ACCOUNT_JSON = ""
    with pytest.raises(CommandError, match=r"^push sent: it is FAILED$"):
        fly(url=live_server.url, wait=20)


def test_service_that_does_nothing_is_named(account: User, fcm: Any, live_server: Any) -> None:
    with pytest.raises(CommandError, match=r"^push sent: not within 1 s \(no push was made\)$"):
        fly(url=live_server.url, wait=1)


def test_wrong_password_is_named(account: User, live_server: Any, settings: Any) -> None:
    settings.CANARY_PASSWORD = "another"
    with pytest.raises(CommandError, match=r"^signed in: POST /api/v1/auth/login/ answered 401$"):
        fly(url=live_server.url)


def test_server_away_is_named_and_json_says_so_too(account: User) -> None:
    said = StringIO()
    with pytest.raises(CommandError, match="had no answer"):
        call_command("canary", url="http://127.0.0.1:1", json=True, stdout=said)
    assert json.loads(said.getvalue())["missed"]["step"] == "signed in"


def test_account_is_required(settings: Any) -> None:
    settings.CANARY_PHONE = ""
    with pytest.raises(CommandError, match="CANARY_PHONE and CANARY_PASSWORD: are required"):
        fly()
