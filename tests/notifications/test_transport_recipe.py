"""docs/add-a-transport.md, followed to the letter, brings a message to a provider."""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from apps.notifications.models import Notification, State
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import notify_by_text
from apps.notifications.transports import Reports, reports_of
from apps.notifications.transports.eskiz import Eskiz
from apps.users.models import User
from mdd_backend import env
from mdd_backend.gateways import GATEWAYS
from simulator.standins.loopback import App, listen, running

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).parents[2] / "docs/add-a-transport.md"
KEY = "key-of-the-example"


@pytest.fixture
def blocks() -> list[str]:
    """The class, its name, its settings, how it reports."""
    found = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) == 4
    return found


class Gateway:
    """A provider of the page's protocol."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.answers: list[JSONResponse] = []
        self.app = App([Route("/messages", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> JSONResponse:
        self.requests.append((request.headers["authorization"], (await request.body()).decode()))
        return self.answers.pop() if self.answers else JSONResponse({"id": "m-1"})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, settings: Any, blocks: list[str]) -> Iterator[Gateway]:
    """Listens on loopback while the example is installed as the page says."""
    source, registration, configuration, _ = blocks
    module = ModuleType("apps.notifications.transports.example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(source, str(PAGE), "exec"), module.__dict__)  # noqa: S102 - it is ours
    ((name, path),) = ast.literal_eval(f"{{{registration}}}").items()
    assert path == f"{module.__name__}.{module.Example.__name__}"
    monkeypatch.setitem(GATEWAYS, name, path)
    listener, gateway = listen(), Gateway()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name, value in {"SMS_TRANSPORT": "example", "EXAMPLE_URL": url, "EXAMPLE_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    read: dict[str, Any] = {"env": env}
    exec(configuration, read)  # noqa: S102
    settings.SMS_TRANSPORT = env.read("SMS_TRANSPORT", env.one_of(*GATEWAYS), "")  # as mdd_backend/settings.py does
    for name in [name for name in read if name.isupper()]:
        setattr(settings, name, read[name])
    with running(gateway.app, listener):
        yield gateway


def sent_to(person: User) -> Notification:
    notify_by_text("TEST_ARRIVED", person, key="1", lifetime=timedelta(minutes=5))
    deliver_due("SMS")
    return Notification.objects.get(user=person)


def test_recipe_brings_a_message_to_the_gateway(gateway: Gateway, person: Any) -> None:
    reader = person(language="en")
    assert sent_to(reader).state == State.SENT
    ((authorization, body),) = gateway.requests
    assert authorization == f"Bearer {KEY}"
    assert str(reader.phone_number) in body
    assert "your test signal has arrived" in body


def test_its_refusals_are_understood(gateway: Gateway, person: Any) -> None:
    gateway.answers = [JSONResponse({}, 429, {"Retry-After": "40"})]
    waiting = sent_to(person())
    assert (waiting.state, waiting.reason) == (State.QUEUED, "429")
    assert waiting.due_at - waiting.created_at > timedelta(seconds=38)
    gateway.answers = [JSONResponse({}, 422)]
    refused = sent_to(person())
    assert (refused.state, refused.reason) == (State.FAILED, "422")


def test_without_its_key_it_says_so(gateway: Gateway, person: Any, settings: Any, client_of: Any) -> None:
    settings.EXAMPLE_KEY = ""
    assert sent_to(person()).reason == "Example is not configured: set EXAMPLE_KEY"
    assert client_of().get("/health/status").json()["sms"] == "Example is not configured: set EXAMPLE_KEY"
    assert gateway.requests == []


def test_its_reports_are_declared_as_the_page_says(blocks: list[str]) -> None:
    said: dict[str, Any] = {"Reports": Reports}
    exec(dedent(blocks[3]), said)  # noqa: S102 - it is ours
    assert said["reports"] == Reports("state", frozenset({"OK"}), frozenset({"LOST"}))
    assert reports_of("eskiz") == Eskiz.reports
    assert reports_of("console") is None
