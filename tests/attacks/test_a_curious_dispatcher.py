"""A dispatcher wants to know where somebody is who has called for no help."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber
from rest_framework.test import APIClient

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.sos.models import SosEvent
from apps.users.models import Look, User
from apps.users.rules import looks
from apps.users.rules.contacts import add_contact

pytestmark = pytest.mark.django_db
HOME = (41.355_777, 69.288_123)
SECRETS = ("41.3557", "69.2881", "Diabetes", "Second floor", "+998900000777")


@pytest.fixture
def victim(wearer: User, press: Any) -> User:
    """Was helped yesterday, and is at home now."""
    device, _ = register_device(wearer, "watch_unique_serial_001", medical_note="Diabetes", address_note="Second floor")
    add_contact(wearer, PhoneNumber.from_string("+998900000777"), name="Daughter")
    press(wearer, lat=HOME[0], lon=HOME[1])
    yesterday = timezone.now() - timedelta(days=1)
    SosEvent.objects.update(status="RESOLVED", next_step_at=None, received_at=yesterday, closed_at=yesterday)
    record_fix(device, Fix(*HOME))
    return wearer


@pytest.fixture
def desk(dispatcher: User, client_of: Any) -> APIClient:
    return client_of(dispatcher)  # type: ignore[no-any-return]


def test_finds_nothing_without_leaving_a_reason(desk: APIClient, dispatcher: User, victim: User) -> None:
    uid, day = SosEvent.objects.get().uid, (timezone.now() - timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    until = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    paths = (
        f"users/{victim.uuid}/", f"devices/?owner={victim.uuid}", "devices/watch_unique_serial_001/",
        f"devices/watch_unique_serial_001/track/?from={day}&to={until}", "devices/troubled/", "sos/", f"sos/{uid}/",
        f"sos/{uid}/timeline/", f"console/queue/?event={uid}", f"console/events/{uid}/map/", "sos/feed/?after=0",
    )  # fmt: skip
    for path in paths:
        said = json.dumps(desk.get(f"/api/v1/{path}").json(), ensure_ascii=False)
        assert not [secret for secret in SECRETS if secret in said], path
    looks.flush()
    assert not Look.objects.filter(viewer=dispatcher).exists()


def test_halves_no_box_until_the_place_is_left(desk: APIClient, victim: User) -> None:
    near = f"{HOME[1] - 0.001},{HOME[0] - 0.001},{HOME[1] + 0.001},{HOME[0] + 0.001}"
    assert desk.get("/api/v1/sos/", {"bbox": near}).json()["results"] == []


def test_leaves_a_reason_that_the_victim_reads(desk: APIClient, dispatcher: User, victim: User, client_of: Any) -> None:
    answer = desk.get("/api/v1/devices/watch_unique_serial_001/", {"reason": "Just curious."})
    assert "41.3557" in json.dumps(answer.json())
    (look,) = client_of(victim).get("/api/v1/users/me/looks/").json()["results"]
    assert (look["viewer"]["full_name"], look["reason"]) == (dispatcher.full_name, "Just curious.")


def test_the_admin_is_no_way_around(dispatcher: User, victim: User) -> None:
    browser = Client()
    browser.force_login(dispatcher)
    event = SosEvent.objects.get()
    pages = [
        "/admin/devices/device/", f"/admin/devices/device/{event.device_id}/change/", "/admin/devices/locationtrack/",
        "/admin/sos/sosevent/", f"/admin/sos/sosevent/{event.pk}/change/", "/admin/sos/signal/",
        f"/admin/sos/signal/{event.signals.get().pk}/change/", f"/admin/users/user/{victim.pk}/change/",
    ]  # fmt: skip
    for page in pages:
        said = browser.get(page).content.decode()
        assert not [secret for secret in SECRETS if secret in said], page
    assert not Look.objects.exists()


@pytest.mark.parametrize("method", ["put", "options", "head", "post"])
def test_no_other_method_opens_the_admins_pages(dispatcher: User, victim: User, method: str) -> None:
    browser = Client()
    browser.force_login(dispatcher)
    event = SosEvent.objects.get()
    for page in (
        f"devices/device/{event.device_id}",
        f"sos/sosevent/{event.pk}",
        f"sos/signal/{event.signals.get().pk}",
    ):
        said = getattr(browser, method)(f"/admin/{page}/change/").content.decode()
        assert not [secret for secret in SECRETS if secret in said], page


BOX = "POLYGON((69.28 41.35,69.29 41.35,69.29 41.36,69.28 41.36,69.28 41.35))"


@pytest.mark.parametrize(
    ("page", "question", "answer"),
    [
        ("devices/device", "medical_note__startswith", "Dia"),
        ("devices/device", "position__bboverlaps", BOX),
        ("devices/locationtrack", "position__bboverlaps", BOX),
        ("sos/sosevent", "position__bboverlaps", BOX),
        ("sos/signal", "raw_payload__contains", "sensor"),
        ("notifications/notification", "data__url__startswith", "http"),
        ("notifications/pushtoken", "token__startswith", "a"),
        ("devices/devicetoken", "digest__startswith", "a"),
    ],
)
def test_guesses_nothing_by_the_admins_addresses(
    dispatcher: User, victim: User, page: str, question: str, answer: str
) -> None:
    browser = Client()
    browser.force_login(dispatcher)
    assert browser.get(f"/admin/{page}/", {question: answer}).status_code == 400
