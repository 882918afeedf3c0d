"""An account that is contained or banned: its SOS is taken, and goes to dispatchers before helpers."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.devices.models import ESTABLISHED_DAYS, Device
from apps.devices.rules.registry import register_device
from apps.devices.rules.tokens import issue_token
from apps.notifications.models import Notification
from apps.sos.models import HelperAlert, JournalEntry, SosEvent
from apps.sos.rules import desk
from apps.sos.rules.due_step import take_due_step
from apps.sos.rules.opening import DOUBTED_FOR, open_event
from apps.users.models import Status, User
from apps.users.rules.accounts import change_standing, contain
from tests.conftest import HERE

pytestmark = pytest.mark.django_db
PLACE = {"lat": HERE[0], "lon": HERE[1], "severity": 3}


def watch_of(wearer: User, number: int = 1) -> Device:
    """One that has reported on enough days."""
    device, _ = register_device(wearer, f"watch-{wearer.pk}-{number}")
    Device.objects.filter(pk=device.pk).update(days_seen=ESTABLISHED_DAYS)
    device.refresh_from_db()
    return device


def containment(client: Any, user: User, method: str = "post") -> Any:
    return getattr(client, method)(f"/api/v1/users/{user.uuid}/containment/")


def called(event: SosEvent) -> set[int]:
    return set(HelperAlert.objects.filter(event=event).values_list("helper_id", flat=True))


def step(event: SosEvent, *, seconds: float = 0) -> None:
    """Takes the next step as if so many seconds had passed since the event was opened."""
    past = timedelta(seconds=seconds)
    row = SosEvent.objects.get(pk=event.pk)
    changes = {"wave_at": row.wave_at - past, "received_at": row.received_at - past, "next_step_at": timezone.now()}
    SosEvent.objects.filter(pk=event.pk).update(**changes)
    take_due_step(event.pk)


def test_containing_closes_all_open_events_but_the_newest(wearer: User, dispatcher: User, client_of: Any) -> None:
    events = [open_event(wearer, PLACE, watch_of(wearer, number)).event for number in range(3)]
    answer = containment(client_of(dispatcher), wearer)
    assert (answer.status_code, set(answer.json()["closed"])) == (200, {str(event.uid) for event in events[:2]})
    outcomes = SosEvent.objects.order_by("pk").values_list("status", "outcome")
    assert list(outcomes) == [("RESOLVED", "FALSE_ALARM")] * 2 + [("NEW", "")]
    closed = JournalEntry.objects.filter(kind="EVENT_RESOLVED")
    assert {(entry.event_id, entry.actor_id) for entry in closed} == {(e.pk, dispatcher.pk) for e in events[:2]}
    again = containment(client_of(dispatcher), wearer).json()
    assert (again["closed"], again["contained_at"]) == ([], answer.json()["contained_at"])
    kept = JournalEntry.objects.filter(kind="ACCOUNT_CONTAINED")
    assert [(entry.actor_id, entry.data) for entry in kept] == [(dispatcher.pk, {"person": wearer.pk})]


def test_contained_account_alarms_dispatchers_first(wearer: User, dispatcher: User, helper: Any) -> None:
    hero = helper(100)
    device = watch_of(wearer)
    contain(wearer, dispatcher)
    event = open_event(wearer, PLACE, device).event
    assert event.doubted_until == event.received_at + DOUBTED_FOR
    assert event.rank < 400 + 200
    step(event)
    assert called(event) == set()
    alarm = Notification.objects.filter(user=dispatcher, kind="DISPATCHER_ALARM").first()
    assert alarm is not None
    assert alarm.data["reason"] == "DOUBTED_ACCOUNT"
    step(event, seconds=61)
    assert called(event) == {hero.pk}


def test_dispatchers_word_calls_helpers_at_once(wearer: User, dispatcher: User, helper: Any) -> None:
    hero = helper(100)
    contain(wearer, dispatcher)
    event = open_event(wearer, PLACE).event
    desk.call_next_wave(event, dispatcher)
    assert called(event) == {hero.pk}


@pytest.mark.parametrize("countdown_s", [10, 60])
def test_second_press_ends_a_countdown_and_not_the_doubt(wearer: User, dispatcher: User, countdown_s: int) -> None:
    device = watch_of(wearer)
    contain(wearer, dispatcher)
    first = open_event(wearer, PLACE | {"countdown_s": countdown_s}, device).event
    again = open_event(wearer, PLACE | {"signal_uid": "2"}, device).event
    assert again.pk == first.pk
    assert again.wave_at == first.received_at + DOUBTED_FOR


def test_place_that_becomes_known_does_not_end_the_doubt(wearer: User, dispatcher: User, helper: Any) -> None:
    helper(100)
    contain(wearer, dispatcher)
    event = open_event(wearer, {"severity": 3}).event
    step(event)
    event.refresh_from_db()
    assert event.wave_at >= event.received_at + DOUBTED_FOR


def test_containment_can_be_lifted(wearer: User, dispatcher: User, helper: Any, client_of: Any) -> None:
    hero = helper(100)
    client = client_of(dispatcher)
    containment(client, wearer)
    assert client.get(f"/api/v1/users/{wearer.uuid}/").json()["contained_at"]
    for _ in range(2):
        assert containment(client, wearer, "delete").status_code == 204
    assert client.get(f"/api/v1/users/{wearer.uuid}/").json()["contained_at"] is None
    event = open_event(User.objects.get(pk=wearer.pk), PLACE).event
    step(event)
    assert called(event) == {hero.pk}
    deeds = JournalEntry.objects.filter(event=None, actor_id=dispatcher.pk).order_by("position")
    assert list(deeds.values_list("kind", flat=True)) == ["ACCOUNT_CONTAINED", "CONTAINMENT_LIFTED"]


def test_banned_accounts_watch_is_heard_and_goes_to_dispatchers_first(
    wearer: User, helper: Any, client_of: Any, press: Any
) -> None:
    hero = helper(100)
    device = watch_of(wearer)
    token = issue_token(device)
    change_standing(wearer, status=Status.BANNED)
    client = client_of(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    answers = [client.post("/api/v1/sos/trigger/", PLACE, format="json"), press(wearer, device_uid="another")]
    assert [answer.status_code for answer in answers] == [201, 201]
    for event in SosEvent.objects.order_by("pk"):
        step(event)
        assert called(event) == set()
    first = SosEvent.objects.earliest("pk")
    step(first, seconds=61)
    assert called(first) == {hero.pk}


def test_test_signal_of_a_contained_account_alarms_nobody(wearer: User, dispatcher: User) -> None:
    contain(wearer, dispatcher)
    event = open_event(wearer, PLACE | {"detected_type": "TEST"}).event
    assert event.doubted_until is None


def test_button_on_the_persons_page(wearer: User, dispatcher: User) -> None:
    browser = Client()
    browser.force_login(dispatcher, "django.contrib.auth.backends.ModelBackend")
    page, button = f"/admin/users/user/{wearer.pk}/change/", f"/admin/sos/sosevent/containment/{wearer.pk}/"
    assert button in browser.get(page).content.decode()
    assert browser.get(button).status_code == 405
    assert browser.post(button).headers["Location"] == page
    wearer.refresh_from_db()
    assert wearer.contained_at is not None
    assert "Lift the containment" in browser.get(page).content.decode()
    browser.post(button, {"lift": "1"})
    wearer.refresh_from_db()
    assert wearer.contained_at is None
    browser.force_login(wearer, "django.contrib.auth.backends.ModelBackend")
    assert browser.post(button).status_code == 302
    wearer.refresh_from_db()
    assert wearer.contained_at is None
