"""Each request the spec prints gets the answer the spec prints."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
REGISTRATION = {
    "phone_number": "+998901234567",
    "full_name": "Full Name",
    "password": "someStrongPassword123",
    "password2": "someStrongPassword123",
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def registered() -> dict[str, Any]:
    answer = APIClient().post("/api/v1/auth/register/", REGISTRATION, format="json")
    assert answer.status_code == 201
    return answer.json()


@pytest.fixture
def signed_in(registered: dict[str, Any]) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {registered['access']}")
    device = {"device_uid": "watch_unique_serial_001", "model": "T-Watch 5"}
    answer = client.post("/api/v1/devices/", device, format="json")
    assert answer.status_code == 201
    assert UUID.fullmatch(answer.json()["uuid"])
    assert answer.json() == {**device, "uuid": answer.json()["uuid"], "sim_number": None}
    return client


def test_register(registered: dict[str, Any]) -> None:
    assert UUID.fullmatch(registered["user"].pop("uuid"))
    assert registered["user"] == {
        "full_name": "Full Name",
        "phone_number": "+998901234567",
        "email": None,
        "role": "USER",
        "status": "ACTIVE",
    }
    assert set(registered) == {"user", "access", "refresh"}


def test_login_then_refresh(registered: dict[str, Any]) -> None:
    body = {"phone_number": "+998901234567", "password": "someStrongPassword123"}
    login = APIClient().post("/api/v1/auth/login/", body, format="json")
    assert login.status_code == 200
    assert set(login.json()) == {"access", "refresh"}
    refresh = APIClient().post("/api/v1/auth/refresh/", {"refresh": login.json()["refresh"]}, format="json")
    assert refresh.status_code == 200
    assert set(refresh.json()) == {"access"}


def test_status(signed_in: APIClient) -> None:
    body = {
        "battery_level": 85,
        "is_online": True,
        "lat": 41.311081,
        "lon": 69.240562,
        "last_seen_via": "LTE",
    }
    answer = signed_in.patch("/api/v1/devices/watch_unique_serial_001/status/", body, format="json")
    assert answer.status_code == 200
    assert answer.json().items() >= {**body, "device_uid": "watch_unique_serial_001", "model": "T-Watch 5"}.items()


def test_location(signed_in: APIClient) -> None:
    body = {"lat": 41.311081, "lon": 69.240562, "speed": 5.5, "direction": 180.0, "battery_level": 84}
    answer = signed_in.post("/api/v1/devices/watch_unique_serial_001/location/", body, format="json")
    assert (answer.status_code, answer.json()) == (201, {"status": "location recorded"})


def test_trigger_and_its_duplicate(signed_in: APIClient) -> None:
    body = {
        "device_uid": "watch_unique_serial_001",
        "lat": 41.311081,
        "lon": 69.240562,
        "altitude": 500.0,
        "detected_type": "FALL_DETECTED",
        "severity": 4,
        "timestamp": "2025-10-28T12:00:00Z",
        "raw_payload": {"sensor_data": "..."},
    }
    first = signed_in.post("/api/v1/sos/trigger/", body, format="json")
    assert first.status_code == 201
    assert UUID.fullmatch(first.json()["event_uid"])
    assert first.json() == {"status": "created", "event_uid": first.json()["event_uid"]}
    again = signed_in.post("/api/v1/sos/trigger/", body, format="json")
    assert (again.status_code, again.json()) == (
        200,
        {"status": "duplicate", "event_uid": first.json()["event_uid"]},
    )
