"""Alive, ready, well."""

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_live_and_ready(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok"}


def test_being_ready_costs_no_look_at_the_disk(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/health/ready").status_code == 200
    monkeypatch.setattr("apps.monitoring.health.checks.MigrationLoader", None)
    assert client.get("/health/ready").status_code == 200


def test_not_ready_while_a_migration_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.monitoring.health.checks._migrations", lambda: frozenset({("sos", "9999_not_yet")}))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_status_says_that_pushes_cannot_go_out(client: Client, settings: Any) -> None:
    settings.FCM_SERVICE_ACCOUNT_JSON = ""
    shown = client.get("/health/status").json()
    assert shown["fcm"] == "FCM is not configured: set FCM_SERVICE_ACCOUNT_JSON"
    assert (shown["database"], shown["redis"]) == ("ok", "ok")
    assert (shown["overdue_events"], shown["overdue_notifications"]) == (0, 0)


def test_status_without_redis(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "cannot be reached" in client.get("/health/status").json()["redis"]
