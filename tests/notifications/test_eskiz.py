"""Text messages go out through a real HTTP server that speaks Eskiz's protocol, whatever it answers."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.notifications.models import Notification, NotificationChange, State
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import notify, notify_by_text, notify_contacts, save_push_token
from apps.notifications.rules.receipts import receipt_url, status_url
from apps.notifications.transports import TransportError
from apps.sos.models import JournalEntry, SosEvent
from apps.users.models import EmergencyContact, User

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "TEST_ARRIVED"


@pytest.fixture
def reader(person: Any) -> User:
    """One person with a text message waiting."""
    user: User = person(language="en")
    notify_by_text(KIND, user, key="1", lifetime=timedelta(minutes=5))
    return user


def send() -> Notification:
    deliver_due("SMS")
    return Notification.objects.get(kind=KIND, channel="SMS")


def again() -> Notification:
    Notification.objects.filter(state=State.QUEUED).update(due_at=timezone.now())
    return send()


def path_of(url: str) -> str:
    return url.removeprefix("http://localhost")


def test_text_reaches_the_phone(eskiz: Any, reader: User) -> None:
    notification = send()
    (text,) = eskiz.messages()
    assert notification.state == State.SENT
    assert text.phone == str(reader.phone_number).removeprefix("+")
    assert notification.provider_id == text.id
    assert (text.text, text.sender) == ("MDD: your test signal has arrived. Nobody was called.", "4546")
    assert text.callback_url == status_url(notification.uuid, "eskiz")
    assert list(NotificationChange.objects.values_list("state", flat=True)) == ["SENT"]


@pytest.mark.parametrize("said", ["id \0 \ud800", None, TransportError("no \0 \ud800", permanent=True)])
def test_whatever_the_gateway_says_can_be_kept(
    said: Any, eskiz: Any, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lie(*_: Any) -> Any:
        if isinstance(said, TransportError):
            raise said
        return said

    monkeypatch.setattr("apps.notifications.transports.eskiz.Eskiz.send", lie)
    kept = send()
    assert kept.state == (State.FAILED if isinstance(said, TransportError) else State.SENT)
    assert "\0" not in kept.provider_id + kept.reason


def test_sender_may_be_chosen(eskiz: Any, reader: User, settings: Any) -> None:
    settings.ESKIZ_FROM = "MDD"
    send()
    assert eskiz.messages()[0].sender == "MDD"


@pytest.mark.parametrize("missing", ["ESKIZ_EMAIL", "ESKIZ_PASSWORD"])
def test_without_credentials_it_fails_and_says_why(
    eskiz: Any, reader: User, settings: Any, client_of: Any, missing: str
) -> None:
    setattr(settings, missing, "")
    why = "Eskiz is not configured: set ESKIZ_EMAIL and ESKIZ_PASSWORD"
    notification = send()
    assert (notification.state, notification.reason) == (State.FAILED, why)
    assert client_of().get("/health/status").json()["sms"] == why
    assert eskiz.sends() == []


def test_wrong_password_is_not_tried_again(eskiz: Any, reader: User, settings: Any) -> None:
    settings.ESKIZ_PASSWORD = "another"
    notification = send()
    assert notification.state == State.FAILED
    assert notification.reason.startswith("no access token: 401")


PASSING = ["unavailable", "throttle", "internal", "cut"]


@pytest.mark.parametrize("at", ["send", "token"])
@pytest.mark.parametrize("fault", PASSING)
def test_refusal_that_may_pass_is_tried_again(eskiz: Any, reader: User, fault: str, at: str) -> None:
    eskiz.script({"kind": fault, "count": 1, "at": at})
    notification = send()
    assert (notification.state, notification.attempts) == (State.QUEUED, 1)
    assert notification.reason
    assert notification.due_at > timezone.now()
    assert again().state == State.SENT
    assert len(eskiz.messages()) == 1


def test_token_that_has_ended_is_fetched_anew(eskiz: Any, reader: User, person: Any) -> None:
    send()
    eskiz.expire()
    notify_by_text(KIND, person(), key="2", lifetime=timedelta(minutes=5))
    deliver_due("SMS")
    Notification.objects.filter(state=State.QUEUED).update(due_at=timezone.now())
    deliver_due("SMS")
    assert set(Notification.objects.values_list("state", flat=True)) == {State.SENT}
    assert len(eskiz.messages()) == 2


@pytest.mark.parametrize("fault", ["unavailable", "throttle"])
@pytest.mark.parametrize("at", ["send", "token"])
def test_retry_after_is_honoured(eskiz: Any, reader: User, fault: str, at: str) -> None:
    eskiz.script({"kind": fault, "count": 1, "retry_after": 40, "at": at})
    assert send().due_at > timezone.now() + timedelta(seconds=38)


def test_gateway_that_hangs_is_given_up_and_tried_again(eskiz: Any, reader: User, settings: Any) -> None:
    settings.ESKIZ_TIMEOUT_S = 1
    eskiz.script("hang")
    notification = send()
    assert (notification.state, notification.reason) == (State.QUEUED, "no answer in time")
    assert again().state == State.SENT


def test_lost_answer_sends_again(eskiz: Any, reader: User) -> None:
    eskiz.script("cut_after")
    assert send().state == State.QUEUED
    assert again().state == State.SENT
    assert len(eskiz.messages()) == 2


def test_refused_text_is_not_tried_again(eskiz: Any, reader: User) -> None:
    eskiz.script("invalid")
    notification = send()
    assert notification.state == State.FAILED
    assert notification.reason.startswith("400 The text is not among")
    deliver_due("SMS")
    assert len(eskiz.sends()) == 1


def test_hanging_gateway_delays_no_push(eskiz: Any, fcm: Any, reader: User, helper: Any) -> None:
    eskiz.script("hang")

    def deliver() -> None:
        deliver_due("SMS")
        connections.close_all()

    texts = threading.Thread(target=deliver)
    texts.start()
    assert eskiz.sends(wait_s=5)
    pushed = helper(100)
    notify(KIND, None, {pushed.pk: {"text_key": "test_arrived"}})
    deliver_due("FCM")
    assert [one.token for one in fcm.messages()] == [f"token-{pushed.pk}"]
    assert texts.is_alive()
    assert Notification.objects.get(user=reader).state == State.QUEUED
    eskiz.release()
    texts.join(10)
    assert Notification.objects.get(user=reader).state == State.SENT


class TestContacts:
    @pytest.fixture
    def contact(self, wearer: User, press: Any) -> EmergencyContact:
        wearer.phone_confirmed_at = timezone.now()
        wearer.save()
        contact = wearer.emergency_contacts.create(
            name="Contact", phone_number="+998907777777", language="uz", confirmed_at=timezone.now()
        )
        press(wearer)
        told = {contact.pk: {"wearer_name": "Oʻktam Gʻaniyev", "url": "http://localhost/live/x/"}}
        notify_contacts("CONTACT_ALARM", SosEvent.objects.get().uid, wearer.pk, told)
        return contact

    def test_contact_is_told_in_their_own_language(self, eskiz: Any, contact: EmergencyContact) -> None:
        deliver_due("SMS")
        (text,) = eskiz.messages()
        assert text.phone == "998907777777"
        assert text.text == "MDD SOS: O'ktam G'aniyev yordam so'rayapti: http://localhost/live/x/"

    def test_contact_removed_meanwhile_is_not_told(self, eskiz: Any, contact: EmergencyContact) -> None:
        contact.delete()
        deliver_due("SMS")
        row = Notification.objects.get()
        assert (row.state, row.reason) == (State.FAILED, "contact removed")
        assert eskiz.sends() == []


class TestStandingInForAPush:
    @pytest.fixture
    def called(self, eskiz: Any, fcm: Any, wearer: User) -> User:
        save_push_token(wearer, "phone", "ANDROID")
        notify(KIND, None, {wearer.pk: {"text_key": "test_arrived"}}, text_after=timedelta(seconds=15))
        return wearer

    @pytest.mark.parametrize("place", [{}, {"lat": None}, {"lat": 0, "lon": 0}], ids=str)
    def test_push_that_was_shown_needs_no_text(
        self, eskiz: Any, fcm: Any, called: User, client_of: Any, place: Any
    ) -> None:
        deliver_due("FCM")
        url = Notification.objects.get(channel="FCM").data["receipt_url"]
        assert client_of().post(path_of(url), place, format="json").status_code == 200
        notification = again()
        assert (notification.state, notification.reason) == (State.DROPPED, "received by push")
        assert eskiz.sends() == []

    def test_push_without_a_receipt_is_followed_by_a_text(self, eskiz: Any, fcm: Any, called: User) -> None:
        deliver_due("FCM")
        assert deliver_due("SMS") == 0, "not before its time"
        assert again().state == State.SENT

    def test_push_that_failed_is_followed_by_a_text_at_once(self, eskiz: Any, fcm: Any, called: User) -> None:
        fcm.unregister("phone")
        deliver_due("FCM")
        assert send().state == State.SENT


class TestStatus:
    """What the gateway says at the callback_url of a message."""

    @pytest.fixture
    def tell(self, eskiz: Any, reader: User, client_of: Any) -> Any:
        notification = send()

        def post(status: Any, **how: Any) -> Any:
            return client_of().post(path_of(status_url(notification.uuid, "eskiz")), {"status": status}, **how)

        return post

    @pytest.mark.parametrize(
        ("status", "state", "reason"),
        [
            ("DELIVRD", "RECEIVED", ""),
            ("DELIVERED", "RECEIVED", ""),
            ("UNDELIV", "FAILED", "gateway: UNDELIV"),
            ("REJECTD", "FAILED", "gateway: REJECTD"),
            ("EXPIRED", "FAILED", "gateway: EXPIRED"),
            ("DELETED", "FAILED", "gateway: DELETED"),
            ("FAILED", "FAILED", "gateway: FAILED"),
            ("ACCEPTED", "SENT", ""),
            ("something new", "SENT", ""),
        ],
    )
    def test_status_becomes_the_messages_state_once(self, tell: Any, status: str, state: str, reason: str) -> None:
        for _ in range(2):
            assert tell(status, format="json").status_code == 200
        row = Notification.objects.get()
        assert (row.state, row.reason) == (state, reason)
        changes = list(NotificationChange.objects.order_by("pk").values_list("state", flat=True))
        assert changes == ["SENT", state][: 1 + (state != "SENT")]

    def test_what_was_delivered_stays_so(self, tell: Any) -> None:
        tell("DELIVRD", format="json")
        assert tell("EXPIRED", format="json").status_code == 200
        assert Notification.objects.get().state == State.RECEIVED

    def test_delivered_after_all(self, tell: Any) -> None:
        tell("EXPIRED", format="json")
        tell("DELIVRD", format="json")
        assert Notification.objects.get().state == State.RECEIVED

    @pytest.mark.parametrize("status", [None, 5, "", ["DELIVRD"], "x" * 41, "a\x00b"], ids=repr)
    def test_status_that_is_none_is_named(self, tell: Any, status: Any) -> None:
        answer = tell(status, format="json")
        assert (answer.status_code, set(answer.json())) == (400, {"detail", "code", "status"})

    def test_other_bodies_are_refused(self, tell: Any, client_of: Any) -> None:
        url = path_of(status_url(Notification.objects.get().uuid, "eskiz"))
        form = "application/x-www-form-urlencoded"
        assert client_of().post(url).status_code == 400
        assert client_of().post(url, "status=DELIVRD", content_type="text/plain").status_code == 415
        assert client_of().post(url, "&".join(f"a{n}=1" for n in range(101)), content_type=form).status_code == 400
        assert client_of().post(url, "status=" + "x" * 1024 * 1024, content_type=form).status_code == 413
        assert client_of().post(url, b"\xff", content_type=form).status_code == 400
        assert client_of().get(url).status_code == 405
        assert Notification.objects.get().state == State.SENT

    def test_forged_address_is_unknown(self, tell: Any, client_of: Any) -> None:
        uuid = Notification.objects.get().uuid
        url = path_of(status_url(uuid, "eskiz"))
        receipt = path_of(receipt_url(uuid))
        for forged in (url[:-3] + "xx/", url.replace("eskiz", "receipts"), receipt.replace("receipts", "eskiz")):
            answer = client_of().post(forged, {"status": "DELIVRD"}, format="json")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert Notification.objects.get().state == State.SENT

    def test_gateway_itself_is_heard(self, eskiz: Any, reader: User, live_server: Any, settings: Any) -> None:
        settings.PUBLIC_URL = live_server.url
        send()
        assert eskiz.report(eskiz.messages()[0], "DELIVRD") == 200
        assert Notification.objects.get().state == State.RECEIVED

    def test_dispatchers_are_told(self, eskiz: Any, wearer: User, press: Any, client_of: Any) -> None:
        press(wearer)
        uid = SosEvent.objects.get().uid
        notify_by_text(KIND, wearer, key="1", lifetime=timedelta(minutes=5), event_uid=uid)
        notification = send()
        client_of().post(path_of(status_url(notification.uuid, "eskiz")), {"status": "UNDELIV"}, format="json")
        assert JournalEntry.objects.latest("position").data == {"states": {str(notification.uuid): "FAILED"}}
