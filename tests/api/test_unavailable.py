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

from apps.users.models import User


@pytest.mark.django_db
def test_not_ready_while_the_database_is_away() -> None:
    with mock.patch.object(CursorWrapper, "execute", side_effect=OperationalError("the connection is lost")):
        answer = APIClient().get("/health/ready")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "1", "unavailable")


@pytest.mark.django_db
def test_a_mistake_of_ours_is_a_500_in_json(wearer: User, client_of: Any) -> None:
    with mock.patch("apps.sos.rules.opening.open_event", side_effect=RuntimeError("secret")):
        answer = client_of(wearer).post("/api/v1/sos/trigger/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert "secret" not in answer.content.decode()


WRONG = {
    "DEBUG": "maybe",
    "DJANGO_SECRET_KEY": "short",
    "STATIC_HASHED": "perhaps",
    "DATABASE_URL": "mysql://root@localhost/x",
    "DATABASE_POOL_SIZE": "many",
    "REDIS_URL": "localhost",
    "FCM_ENDPOINT": "ftp://x",
    "FCM_TIMEOUT_S": "0",
    "PUBLIC_URL": "example.org",
    "CORS_ALLOWED_ORIGINS": "https://example.org/path",
    "JWT_OLDER_KEYS": "short",
    "LOGIN_FAILURES_PER_PHONE": "0",
    "LOGIN_FAILURES_PER_ADDRESS": "none",
    "LOGIN_LOCK_S": "-1",
    "REGISTRATIONS_PER_ADDRESS": "0",
    "DEVICES_PER_ACCOUNT": "0",
    "MIN_APP_VERSION_ANDROID": "1.2",
    "MIN_APP_VERSION_IOS": "new",
    "LOCATION_INTERVAL_S": "0",
    "SMS_TRANSPORT": "pigeon",
    "SENTRY_DSN": "key@sentry",
    "HEARTBEAT_URL": "example.org/ping",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_wrong_setting_stops_the_start_by_name(name: str, value: str) -> None:
    environment = os.environ | {name: value, "DJANGO_SETTINGS_MODULE": "mdd_backend.settings"}
    command = [sys.executable, "-c", "import django; django.setup()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"{name}: " in done.stderr.strip().splitlines()[-1]
