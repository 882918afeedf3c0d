"""Pushes wait for none of each other, over TLS and connections that are used again."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.notifications.models import Notification, State
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import notify, save_push_token
from simulator.standins.certificate import make_certificate
from simulator.standins.fcm import PROJECT, StandIn
from simulator.standins.google_oauth import ServiceAccount
from simulator.standins.loopback import listen, running

pytestmark = pytest.mark.django_db(transaction=True)
PUSHES = 50


class Gathering:
    """Passes a push on to `app` once `all_of_them` are in flight together; notes from which ports they came."""

    def __init__(self, app: ASGIApp, all_of_them: int) -> None:
        self.app, self.all_of_them = app, all_of_them
        self.connections: set[int] = set()
        self.in_flight = 0
        self.together = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("messages:send"):
            self.connections.add(scope["client"][1])
            await self._gather()
        await self.app(scope, receive, send)

    async def _gather(self) -> None:
        self.in_flight += 1
        if self.in_flight == self.all_of_them:
            self.together.set()
        await self.together.wait()
        self.in_flight -= 1
        if not self.in_flight:
            self.together.clear()


@pytest.fixture
def provider(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gathering]:
    """Answers no push before fifty of them are in flight."""
    listener = listen()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    account = ServiceAccount.create(PROJECT, f"{url}/token")
    certificate = make_certificate(tmp_path / "stand-in.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FCM_ENDPOINT, settings.FCM_SERVICE_ACCOUNT_JSON = url, json.dumps(account.key)
    provider = Gathering(StandIn(account).app, PUSHES)
    with running(provider, listener, certificate):
        yield provider


def test_fifty_pushes_are_under_way_at_once_and_their_connections_used_again(provider: Gathering, person: Any) -> None:
    people = [person() for _ in range(PUSHES)]
    for user in people:
        save_push_token(user, f"token-{user.pk}", "ANDROID")
    for ring in (1, 2):
        notify("TEST_ARRIVED", None, {user.pk: {"text_key": "test_arrived"} for user in people}, occasion=ring)
        assert deliver_due("FCM") == PUSHES
        assert Notification.objects.filter(state=State.SENT).count() == PUSHES * ring
    assert len(provider.connections) == PUSHES
