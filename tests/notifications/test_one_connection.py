"""Pushes share one HTTP/2 connection per process and wait for none of each other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.notifications.models import Notification, State
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import notify, save_push_token
from simulator.standins.fcm import PROJECT, StandIn
from simulator.standins.google_oauth import ServiceAccount
from tests.notifications.http2 import Gathering, listening

pytestmark = pytest.mark.django_db(transaction=True)
PUSHES = 50


@pytest.fixture
def provider(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gathering]:
    """Answers no push before fifty of them are in flight."""
    account = ServiceAccount.create(PROJECT, "https://127.0.0.1/token")
    server = Gathering(StandIn(account).app, "messages:send", PUSHES)
    with listening(server, tmp_path) as (port, certificate):
        url = f"https://127.0.0.1:{port}"
        account.key["token_uri"] = f"{url}/token"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        settings.FCM_ENDPOINT, settings.FCM_SERVICE_ACCOUNT_JSON = url, json.dumps(account.key)
        yield server


def test_fifty_pushes_are_under_way_at_once_over_one_connection(provider: Gathering, person: Any) -> None:
    people = [person() for _ in range(PUSHES)]
    for user in people:
        save_push_token(user, f"token-{user.pk}", "ANDROID")
    for ring in (1, 2):
        notify("TEST_ARRIVED", None, {user.pk: {"text_key": "test_arrived"} for user in people}, occasion=ring)
        assert deliver_due("FCM") == PUSHES
        assert Notification.objects.filter(state=State.SENT).count() == PUSHES * ring
    assert provider.connections == 1
