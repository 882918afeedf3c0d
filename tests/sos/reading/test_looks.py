"""Every look at a place, track, note or contact has somebody's name on it, and the person may read it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.monitoring.feed import presence
from apps.sos.models import SosEvent
from apps.users.models import Look, User
from apps.users.rules import looks
from tests.conftest import HERE

pytestmark = pytest.mark.django_db
MINE = "/api/v1/users/me/looks/"
WHY = {"reason": "Asked for by the police."}


@pytest.fixture
def watch(wearer: User) -> Device:
    device, _ = register_device(wearer, "watch_unique_serial_001", medical_note="Diabetes.")
    record_fix(device, Fix(*HERE))
    return device


@pytest.fixture
def event(watch: Device, wearer: User, press: Any) -> SosEvent:
    press(wearer)
    return SosEvent.objects.get()


@pytest.fixture
def past(event: SosEvent) -> SosEvent:
    """Closed for two hours."""
    SosEvent.objects.update(status="RESOLVED", next_step_at=None, closed_at=timezone.now() - timedelta(hours=2))
    event.refresh_from_db()
    return event


@pytest.fixture
def desk(dispatcher: User, client_of: Any) -> APIClient:
    return client_of(dispatcher)  # type: ignore[no-any-return]


def kept() -> list[tuple[int, int, str, bool, str]]:
    looks.flush()
    rows = Look.objects.order_by("pk").values_list("viewer_id", "person_id", "way", "event_uid", "reason")
    return [(viewer, person, way, uid is not None, reason) for viewer, person, way, uid, reason in rows]


def test_of_an_open_event_nobody_is_asked_why(
    desk: APIClient, dispatcher: User, wearer: User, event: SosEvent, watch: Device
) -> None:
    for url in (f"/api/v1/sos/{event.uid}/", f"/api/v1/devices/{watch.device_uid}/",
                f"/api/v1/console/events/{event.uid}/map/", "/api/v1/console/queue/"):  # fmt: skip
        assert desk.get(url).status_code == 200, url
    assert kept() == [
        (dispatcher.pk, wearer.pk, "API", True, ""),
        (dispatcher.pk, wearer.pk, "MAP", True, ""),
    ]


def test_a_past_event_shows_its_place_for_a_reason(desk: APIClient, dispatcher: User, wearer: User, past: Any) -> None:
    url, a_map = f"/api/v1/sos/{past.uid}/", f"/api/v1/console/events/{past.uid}/map/"
    shown = desk.get(url).json()
    assert (shown["needs_reason"], shown["lat"], shown["contacts"]) == (True, None, None)
    assert (shown["device"]["medical_note"], desk.get(a_map).json()["track"]) == ("", [])
    assert shown["wearer"]["full_name"] == wearer.full_name
    assert kept() == []
    shown = desk.get(url, WHY).json()
    assert (shown["needs_reason"], shown["lat"], shown["device"]["medical_note"]) == (False, HERE[0], "Diabetes.")
    assert desk.get("/api/v1/sos/").json()["results"][0]["lat"] is None
    (card,) = desk.get("/api/v1/console/queue/", {"event": str(past.uid)}).json()["events"]
    assert (card["lat"], card["device"]["lat"]) == (None, None)
    assert kept() == [(dispatcher.pk, wearer.pk, "API", False, WHY["reason"])]


def test_within_an_hour_a_closed_event_is_looked_after_still(desk: APIClient, past: SosEvent) -> None:
    SosEvent.objects.update(closed_at=timezone.now() - timedelta(minutes=59))
    assert desk.get(f"/api/v1/sos/{past.uid}/").json()["lat"] == HERE[0]


@pytest.mark.parametrize("path", ["devices/{}/", "devices/{}/track/?from={}&to={}", "devices/?owner={owner}"])
def test_without_an_event_a_device_is_shown_for_a_reason(
    desk: APIClient, dispatcher: User, wearer: User, watch: Device, path: str
) -> None:
    day = [(timezone.now() + timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ") for h in (-5, 1)]
    url = "/api/v1/" + path.format(watch.device_uid, *day, owner=wearer.uuid)
    answer = desk.get(url)
    assert (answer.status_code, answer.json()["code"]) == (403, "reason_required")
    assert kept() == []
    joined = f"{url}{'&' if '?' in url else '?'}reason=Lost+and+found."
    assert desk.get(joined).status_code == 200
    assert kept() == [(dispatcher.pk, wearer.pk, "API", False, "Lost and found.")]


@pytest.mark.parametrize("reason", ["", "ab", "x" * 201, "  a "])
def test_a_reason_that_is_none_is_named(desk: APIClient, watch: Device, reason: str) -> None:
    answer = desk.get(f"/api/v1/devices/{watch.device_uid}/", {"reason": reason})
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "reason"})


def test_one_row_an_hour(desk: APIClient, watch: Device) -> None:
    for n in range(5):
        desk.get(f"/api/v1/devices/{watch.device_uid}/", {"reason": f"Reason {n}."})
    assert len(kept()) == 1
    Look.objects.update(hour=F("hour") - timedelta(hours=1))
    desk.get(f"/api/v1/devices/{watch.device_uid}/", WHY)
    assert len(kept()) == 2


def test_a_console_that_follows_the_feed_has_seen_every_open_event(
    dispatcher: User, wearer: User, event: SosEvent
) -> None:
    for _ in range(3):
        presence.beat(dispatcher.pk)
    assert kept() == [(dispatcher.pk, wearer.pk, "FEED", True, "")]


def test_the_wearer_reads_the_looks_at_them(
    desk: APIClient, wearer: User, dispatcher: User, event: SosEvent, client_of: Any, person: Any
) -> None:
    desk.get(f"/api/v1/sos/{event.uid}/")
    looks.flush()
    (shown,) = client_of(wearer).get(MINE).json()["results"]
    assert shown["viewer"] == {"full_name": dispatcher.full_name, "role": "ADMIN"}
    assert (shown["way"], shown["event_uid"], shown["reason"]) == ("API", str(event.uid), "")
    assert client_of(person()).get(MINE).json()["results"] == []


def test_a_helper_who_comes_has_seen_the_place(wearer: User, helper: Any, event: SosEvent, client_of: Any) -> None:
    from apps.sos.rules.due_step import take_due_step  # noqa: PLC0415

    hero = helper(100)
    take_due_step(event.pk)
    url = f"/api/v1/sos/{event.uid}/respond/"
    assert client_of(hero).post(url, {"status": "ACCEPTED"}, format="json").status_code == 200
    assert kept() == [(hero.pk, wearer.pk, "API", True, "")]


def test_on_the_map_the_helpers_are_seen_too(
    desk: APIClient, dispatcher: User, wearer: User, helper: Any, event: SosEvent
) -> None:
    from apps.sos.rules.due_step import take_due_step  # noqa: PLC0415

    hero = helper(100)
    take_due_step(event.pk)
    assert len(desk.get(f"/api/v1/console/events/{event.uid}/map/").json()["helpers"]) == 1
    assert {person for _, person, way, _, _ in kept() if way == "MAP"} == {wearer.pk, hero.pk}


def test_ones_own_place_is_no_look(wearer: User, event: SosEvent, watch: Device, client_of: Any) -> None:
    client_of(wearer).get(f"/api/v1/sos/{event.uid}/")
    client_of(wearer).get(f"/api/v1/devices/{watch.device_uid}/")
    assert kept() == []


def test_the_admin_asks_why_once_an_hour(dispatcher: User, wearer: User, watch: Device) -> None:
    browser = Client()
    browser.force_login(dispatcher)
    page = f"/admin/devices/device/{watch.pk}/change/"
    assert f"{HERE[0]:.6f}" not in browser.get(page).content.decode()
    assert f"{HERE[0]:.6f}" not in browser.post(page, {"look_reason": "ab"}).content.decode()
    assert browser.post(page, {"look_reason": "Lost and found."}).status_code == 302
    assert f"{HERE[0]:.6f}" in browser.get(page).content.decode()
    assert kept() == [(dispatcher.pk, wearer.pk, "ADMIN", False, "Lost and found.")]


def test_the_admin_asks_nothing_while_an_event_is_open(dispatcher: User, wearer: User, event: SosEvent) -> None:
    browser = Client()
    browser.force_login(dispatcher)
    assert f"{HERE[0]:.6f}" in browser.get(f"/admin/sos/sosevent/{event.pk}/change/").content.decode()
    assert kept() == [(dispatcher.pk, wearer.pk, "ADMIN", True, "")]


def test_what_cannot_be_written_waits(desk: APIClient, event: SosEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.get(f"/api/v1/sos/{event.uid}/")
    with monkeypatch.context() as away:
        away.setattr(looks, "_write", lambda rows: (_ for _ in ()).throw(RuntimeError))
        away.setattr(looks.connections, "close_all", lambda: None)
        looks._writer._try()
    assert len(kept()) == 1
