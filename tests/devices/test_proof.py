"""A dispatcher's word for a watch and its wearer."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.devices.models import ESTABLISHED_DAYS, Device
from apps.sos.claims import rank_of
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.rules.opening import open_event
from apps.users.models import User
from tests.devices.conftest import MINE, PLACE

pytestmark = pytest.mark.django_db
PROOF = f"{MINE}proof/"


def opened(wearer: User, watch: Device | None = None) -> SosEvent:
    current = Device.objects.select_related("owner").get(pk=watch.pk) if watch else None
    return open_event(
        User.objects.get(pk=wearer.pk), PLACE | {"severity": 3, "signal_uid": str(uuid4())}, current
    ).event


def rank(*, is_proven: bool, is_first: bool) -> int:
    return rank_of(is_drill=False, is_proven=is_proven, is_first=is_first, severity=3)


def test_dispatchers_word_establishes_a_watch(
    watch: Device, owner: APIClient, client_of: Any, dispatcher: User
) -> None:
    desk = client_of(dispatcher)
    assert opened(watch.owner, watch).rank == rank(is_proven=False, is_first=True)
    SosEvent.objects.all().update(status="RESOLVED", next_step_at=None)
    for _ in range(2):
        answer = desk.post(PROOF)
        assert (answer.status_code, answer.json()["is_established"]) == (200, True)
    assert owner.get(MINE).json()["is_established"] is True
    assert opened(watch.owner, watch).rank == rank(is_proven=True, is_first=True)
    kept = JournalEntry.objects.filter(kind="DEVICE_PROVEN", actor_id=dispatcher.pk)
    assert [entry.data for entry in kept] == [{"device": str(watch.uuid), "person": watch.owner_id}]


def test_word_can_be_taken_back(watch: Device, client_of: Any, dispatcher: User) -> None:
    desk = client_of(dispatcher)
    desk.post(PROOF)
    for _ in range(2):
        assert desk.delete(PROOF).status_code == 204
    assert desk.get(MINE, {"reason": "A test."}).json()["is_established"] is False
    Device.objects.filter(pk=watch.pk).update(days_seen=ESTABLISHED_DAYS)
    assert desk.get(MINE, {"reason": "A test."}).json()["is_established"] is True


def test_word_is_for_the_pair_of_watch_and_wearer(owner: APIClient, client_of: Any, dispatcher: User) -> None:
    owner.patch(MINE, {"wearer_name": "Nodira", "wearer_phone": "+998901112233"}, format="json")
    client_of(dispatcher).post(PROOF)
    same = {"wearer_name": "Nodira", "wearer_phone": "+998901112233", "model": "T-Watch 6"}
    assert owner.patch(MINE, same, format="json").json()["is_established"] is True
    assert owner.patch(MINE, {"wearer_name": "Aziz"}, format="json").json()["is_established"] is False


def test_button_on_the_watchs_page(watch: Device, dispatcher: User) -> None:
    browser = Client()
    browser.force_login(dispatcher, "django.contrib.auth.backends.ModelBackend")
    page, button = f"/admin/devices/device/{watch.pk}/change/", f"/admin/devices/device/{watch.pk}/proof/"
    browser.post(page, {"look_reason": "Met the wearer."})
    assert button in browser.get(page).content.decode()
    assert browser.get(button).status_code == 405
    assert browser.post(button).headers["Location"] == page
    watch.refresh_from_db()
    assert watch.is_established
    assert "Take back" in browser.get(page).content.decode()
    browser.post(button, {"back": "1"})
    watch.refresh_from_db()
    assert not watch.is_established


def test_confirmed_phone_counts_as_one_established_watch(wearer: User) -> None:
    User.objects.filter(pk=wearer.pk).update(phone_confirmed_at="2026-01-01T00:00:00Z")
    watches = [Device.objects.create(owner=wearer, device_uid=f"w-{number}") for number in range(4)]
    events = [opened(wearer, watch) for watch in watches]
    assert [event.rank for event in events] == [
        rank(is_proven=True, is_first=True),
        *[rank(is_proven=False, is_first=False)] * 3,
    ]
    assert [event.doubted_until is not None for event in events] == [False, False, False, True]
