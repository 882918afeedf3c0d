"""PostgreSQL away: a 503 that says when to come back, on every endpoint; settings that are wrong stop the start."""

import os
import subprocess
import sys
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from rest_framework.test import APIClient

from apps.users.authentication import tokens_for
from apps.users.models import User

ROUTES: list[tuple[str, str, Any]] = [
    ("post", "/api/v1/sos/trigger/", {}),
    ("post", "/api/v1/devices/", {"device_uid": "w"}),
    ("patch", "/api/v1/devices/w/status/", {}),
    ("post", "/api/v1/devices/w/location/", {"lat": 1, "lon": 1}),
    ("post", "/api/v1/push-tokens/", {"token": "t", "platform": "IOS"}),
    ("patch", "/api/v1/users/me/", {}),
    ("post", "/api/v1/auth/login/", {"phone_number": "+998901234567", "password": "x"}),
    ("get", "/health/ready", None),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "url", "body"), ROUTES, ids=lambda value: str(value)[:40])
def test_database_away_is_503_with_retry_after(wearer: User, method: str, url: str, body: Any) -> None:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens_for(wearer)['access']}")
    with mock.patch.object(CursorWrapper, "execute", side_effect=OperationalError("the connection is lost")):
        answer = getattr(client, method)(url, body, format="json")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "1", "unavailable")
    assert "lost" not in answer.content.decode()


@pytest.mark.django_db
def test_a_mistake_of_ours_is_a_500_in_json(wearer: User, client_of: Any) -> None:
    with mock.patch("apps.sos.services.open_event", side_effect=RuntimeError("secret")):
        answer = client_of(wearer).post("/api/v1/sos/trigger/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert "secret" not in answer.content.decode()


WRONG = {
    "DEBUG": "maybe",
    "DJANGO_SECRET_KEY": "short",
    "DATABASE_URL": "mysql://root@localhost/x",
    "DATABASE_POOL_SIZE": "many",
    "REDIS_URL": "localhost",
    "FCM_ENDPOINT": "ftp://x",
    "FCM_TIMEOUT_S": "0",
    "PUBLIC_URL": "example.org",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_wrong_setting_stops_the_start_by_name(name: str, value: str) -> None:
    environment = os.environ | {name: value, "DJANGO_SETTINGS_MODULE": "mdd_backend.settings"}
    command = [sys.executable, "-c", "import django; django.setup()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"{name}: " in done.stderr.strip().splitlines()[-1]
