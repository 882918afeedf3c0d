"""The plain Django views keep the promises of the service that is measured beside them: else they are no yardstick."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.devices.models import Device, LocationTrack
from apps.devices.rules.tokens import issue_token
from apps.sos.models import JournalEntry, Signal, SosEvent
from apps.users.models import User
from apps.users.rules.tokens import AccessToken

pytestmark = [pytest.mark.django_db, pytest.mark.urls("benchmarks.plain.urls")]
PLACE = {"lat": 41.31, "lon": 69.24}
PRESS = PLACE | {
    "device_uid": "w-1", "detected_type": "FALL_DETECTED", "severity": 3, "timestamp": "2026-01-01T00:00:00Z",
    "raw_payload": {"sensor_data": "..."},
}  # fmt: skip


@pytest.fixture
def watch(wearer: User) -> Device:
    return Device.objects.create(owner=wearer, device_uid="w-1")


def client_with(token: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def post(client: APIClient, path: str, body: dict[str, Any]) -> int:
    status: int = client.post(f"/api/v1/{path}", body, format="json").status_code
    return status


def test_second_press_opens_no_second_event(watch: Device) -> None:
    client = client_with(issue_token(watch))
    assert [post(client, "sos/trigger/", PRESS) for _ in range(2)] == [201, 200]
    event = SosEvent.objects.get()
    assert (event.device, event.lat, event.plan["enough_helpers"]) == (watch, PLACE["lat"], 2)
    assert Signal.objects.filter(event=event).count() == 2
    entries = JournalEntry.objects.filter(event=event).order_by("position")
    assert [entry.kind for entry in entries] == ["EVENT_OPENED", "SIGNAL_MERGED"]


def test_position_is_kept_and_moves_the_device(watch: Device) -> None:
    client = client_with(str(AccessToken.for_user(watch.owner)))
    assert post(client, "devices/w-1/location/", PLACE | {"speed": 1.4, "battery_level": 81}) == 201
    watch.refresh_from_db()
    track = LocationTrack.objects.get(device=watch)
    assert track.position == watch.position
    assert (watch.battery_level, watch.position_at) == (81, track.recorded_at)


def test_strangers_and_other_peoples_watches_are_refused(watch: Device, person: Any) -> None:
    other = client_with(str(AccessToken.for_user(person())))
    assert post(other, "devices/w-1/location/", PLACE) == 404
    for token in ("mdd_device_nobodys", ""):
        assert post(client_with(token), "sos/trigger/", PRESS) in {401, 403}
