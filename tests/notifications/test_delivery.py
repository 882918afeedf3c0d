"""Messages reach phones through a real HTTP server that speaks Firebase's protocol, whatever it answers."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.notifications.models import Notification, NotificationChange, PushToken, State
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import save_push_token
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def called(helper: Any, wearer: User, press: Any) -> User:
    """One helper, called, their push waiting."""
    user: User = helper(100)
    press(wearer)
    take_due_step(SosEvent.objects.get().pk)
    return user


def send() -> Notification:
    deliver_due("FCM")
    return Notification.objects.get(kind="SOS_ALERT")


def again() -> Notification:
    Notification.objects.filter(state=State.QUEUED).update(due_at=timezone.now())
    return send()


def test_push_reaches_the_phone(fcm: Any, called: User) -> None:
    notification = send()
    assert notification.state == State.SENT
    message = fcm.messages()[0].message
    assert message["token"] == f"token-{called.pk}"
    assert message["data"] == notification.data
    assert (message["android"]["priority"], "notification" in message, "collapse_key" in str(message)) == (
        "HIGH",
        False,
        False,
    )
    assert 290 <= int(message["android"]["ttl"].rstrip("s")) <= 300
    assert list(NotificationChange.objects.values_list("state", flat=True)) == ["SENT"]
    assert JournalEntry.objects.latest("position").data == {"states": {str(notification.uuid): "SENT"}}


def test_iphone_gets_a_time_sensitive_alert(fcm: Any, called: User) -> None:
    PushToken.objects.update(platform="IOS")
    assert send().state == State.SENT
    apns = fcm.messages()[0].message["apns"]
    assert apns["headers"]["apns-priority"] == "10"
    assert apns["payload"]["aps"]["interruption-level"] == "time-sensitive"
    assert apns["payload"]["aps"]["mutable-content"] == 1


def test_service_account_may_be_a_file(fcm: Any, called: User, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(settings.FCM_SERVICE_ACCOUNT_JSON)
    settings.FCM_SERVICE_ACCOUNT_JSON = str(tmp_path / "key.json")
    assert send().state == State.SENT


@pytest.mark.parametrize("raw", ["", "{", "{}", "/no/such/file"])
def test_without_credentials_it_fails_and_says_why(called: User, settings: Any, raw: str) -> None:
    settings.FCM_SERVICE_ACCOUNT_JSON = raw
    notification = send()
    assert notification.state == State.FAILED
    assert "FCM_SERVICE_ACCOUNT_JSON" in notification.reason


PASSING = ["unavailable", "throttle", "internal", "cut", "bad_token"]


@pytest.mark.parametrize("fault", PASSING)
def test_refusal_that_may_pass_is_tried_again(fcm: Any, called: User, fault: str) -> None:
    fcm.script(fault)
    notification = send()
    assert (notification.state, notification.attempts) == (State.QUEUED, 1)
    assert notification.reason
    assert notification.due_at > timezone.now()
    assert again().state == State.SENT
    assert len(fcm.messages()) == 1


@pytest.mark.parametrize("fault", ["unavailable", "throttle"])
def test_retry_after_is_honoured(fcm: Any, called: User, fault: str) -> None:
    fcm.script({"kind": fault, "count": 1, "retry_after": 40})
    assert send().due_at > timezone.now() + timedelta(seconds=38)


def test_provider_that_hangs_is_given_up_and_tried_again(fcm: Any, called: User, settings: Any) -> None:
    settings.FCM_TIMEOUT_S = 1
    fcm.script("hang")
    notification = send()
    assert (notification.state, notification.reason) == (State.QUEUED, "no answer in time")
    assert again().state == State.SENT


def test_lost_answer_sends_the_same_message_again(fcm: Any, called: User) -> None:
    fcm.script("cut_after")
    assert send().state == State.QUEUED
    assert again().state == State.SENT
    ids = [one.message["data"]["notification_id"] for one in fcm.messages()]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_unregistered_token_is_deleted_and_never_tried_again(fcm: Any, called: User) -> None:
    fcm.unregister(f"token-{called.pk}")
    notification = send()
    assert (notification.state, notification.reason) == (State.FAILED, "404 UNREGISTERED")
    assert not PushToken.objects.exists()
    deliver_due("FCM")
    assert len(fcm.sends()) == 1


def test_invalid_message_is_not_tried_again(fcm: Any, called: User) -> None:
    fcm.script("invalid")
    notification = send()
    assert (notification.state, notification.reason) == (State.FAILED, "400 INVALID_ARGUMENT")


def test_second_phone_is_tried_again_alone(fcm: Any, called: User) -> None:
    save_push_token(called, "second", "ANDROID")
    fcm.script({"kind": "internal", "count": 1, "token": "second"})
    assert send().state == State.QUEUED
    assert again().state == State.SENT
    assert [one.token for one in fcm.messages()] == [f"token-{called.pk}", "second"]


def test_one_dead_phone_does_not_hide_the_living_one(fcm: Any, called: User) -> None:
    save_push_token(called, "second", "ANDROID")
    fcm.unregister("second")
    assert send().state == State.SENT
    assert PushToken.objects.get().token == f"token-{called.pk}"


def test_closed_event_sends_nothing(fcm: Any, called: User) -> None:
    SosEvent.objects.update(status="RESOLVED", next_step_at=None)
    notification = send()
    assert (notification.state, notification.reason) == (State.DROPPED, "no longer needed")
    assert fcm.sends() == []


def test_expired_message_is_not_sent(fcm: Any, called: User) -> None:
    Notification.objects.update(expires_at=timezone.now())
    notification = send()
    assert (notification.state, notification.reason) == (State.DROPPED, "expired")
    assert fcm.sends() == []


def test_taken_message_is_not_taken_again_before_its_lease_ends(fcm: Any, called: User) -> None:
    Notification.objects.update(due_at=timezone.now() + timedelta(seconds=30))
    assert deliver_due("FCM") == 0


def test_receipt_is_kept_once_and_needs_no_token(fcm: Any, called: User, client_of: Any) -> None:
    url = send().data["receipt_url"].removeprefix("http://localhost")
    for _ in range(2):
        answer = client_of().post(url, {}, format="json")
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert list(NotificationChange.objects.order_by("pk").values_list("state", flat=True)) == ["SENT", "RECEIVED"]


def test_receipt_with_a_forged_address_is_unknown(called: User, client_of: Any) -> None:
    url = Notification.objects.get(kind="SOS_ALERT").data["receipt_url"].removeprefix("http://localhost")
    for forged in (url[:-3] + "xx/", "/api/v1/notifications/receipts/nonsense/"):
        assert client_of().post(forged, {}, format="json").status_code == 404
    assert client_of().get(url).status_code == 405
    assert Notification.objects.get(kind="SOS_ALERT").state == State.QUEUED


def test_pushes_of_a_wave_go_out_together(fcm: Any, helper: Any, wearer: User, press: Any) -> None:
    for n in range(23):
        helper(100 + n)
    press(wearer)
    take_due_step(SosEvent.objects.get().pk)
    fcm.script({"kind": "hang"})

    def deliver() -> None:
        deliver_due("FCM")
        connections.close_all()

    thread = threading.Thread(target=deliver)
    thread.start()
    under_way: list[Any] = []
    while len(under_way) < 23:
        under_way = fcm.sends(after=0, wait_s=5)
    fcm.release()
    thread.join(10)
    assert Notification.objects.filter(state=State.SENT).count() == 23
