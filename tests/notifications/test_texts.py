"""Text messages: one to one person, in their language, over whatever gateway there is."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.utils import timezone
from structlog.testing import capture_logs

from apps.notifications.models import Channel, Notification, NotificationChange, PushToken, State
from apps.notifications.rules import texts
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import notify, save_push_token
from apps.sos.models import SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import PasswordReset, User
from apps.users.rules import codes
from apps.users.rules.accounts import answer_reset_requests, erase

pytestmark = pytest.mark.django_db(transaction=True)
RESET = "/api/v1/auth/password/reset/"


@pytest.fixture(autouse=True)
def console(settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"


@pytest.fixture
def ask(client_of: Any) -> Any:
    """Asks for a code for somebody's phone."""

    def send(user: User) -> None:
        answer = client_of().post(RESET, {"phone_number": str(user.phone_number)}, format="json")
        assert answer.status_code in {200, 202, 204}
        answer_reset_requests()

    return send


def sent() -> list[dict[str, Any]]:
    """What the console transport wrote while everything due was delivered."""
    with capture_logs() as lines:
        deliver_due("SMS")
    return [line for line in lines if line["event"] == "text message"]


@pytest.fixture(autouse=True)
def _logs_are_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that was used before keeps its processors: each test needs a new one."""
    monkeypatch.setattr("apps.notifications.transports.console.log", structlog.get_logger("console"))


def test_code_reaches_the_phone_that_asked(wearer: User, ask: Any) -> None:
    ask(wearer)
    waiting = Notification.objects.get()
    assert (waiting.channel, waiting.kind, waiting.event_uid, waiting.user) == ("SMS", "PASSWORD_RESET", None, wearer)
    assert waiting.expires_at - waiting.created_at == timedelta(minutes=10)
    (line,) = sent()
    assert line["to"] == str(wearer.phone_number)
    (code,) = re.findall(r"\b\d{8}\b", line["text"])
    assert code == codes.code_for(PasswordReset, wearer)
    assert Notification.objects.get().state == State.SENT
    assert list(NotificationChange.objects.values_list("state", flat=True)) == ["SENT"]
    assert sent() == []


def test_code_is_nowhere_in_the_record(wearer: User, ask: Any) -> None:
    ask(wearer)
    sent()
    row = Notification.objects.values().get()
    assert codes.code_for(PasswordReset, wearer) not in str(row)
    assert row["data"] == {}


@pytest.mark.parametrize(
    ("language", "words"), [("ru", "смены пароля"), ("uz", "yangi parol uchun kod"), ("en", "your code for a new")]
)
def test_words_are_in_the_readers_language(person: Any, ask: Any, language: str, words: str) -> None:
    ask(person(language=language))
    (line,) = sent()
    assert words in line["text"]
    assert len(line["text"]) <= (70 if language == "ru" else 160), "one text message holds it"
    assert "ʻ" not in line["text"]


def test_catalogues_are_compiled_from_what_is_written() -> None:
    for catalogue in (Path(texts.__file__).parent / "locale").rglob("django.po"):
        compiled = catalogue.with_suffix(".mo").read_bytes()
        for words in re.findall(r'^msgstr "(.+)"$', catalogue.read_text(encoding="utf-8"), re.MULTILINE):
            assert words.encode() in compiled


def test_without_a_gateway_it_fails_and_says_why(wearer: User, ask: Any, settings: Any) -> None:
    settings.SMS_TRANSPORT = ""
    ask(wearer)
    assert sent() == []
    row = Notification.objects.get()
    assert (row.state, row.reason, row.attempts) == (State.FAILED, "no SMS transport is configured", 1)


def test_health_tells_whether_texts_can_go_out(client_of: Any, settings: Any) -> None:
    assert client_of().get("/health/status").json()["sms"] == "ok"
    settings.SMS_TRANSPORT = ""
    assert client_of().get("/health/status").json()["sms"] == "no SMS transport is configured"


def test_code_that_comes_too_late_is_not_sent(wearer: User, ask: Any) -> None:
    ask(wearer)
    Notification.objects.update(expires_at=timezone.now())
    assert sent() == []
    assert Notification.objects.get().state == State.DROPPED


def test_second_request_within_a_minute_sends_nothing(wearer: User, person: Any, ask: Any) -> None:
    ask(wearer)
    ask(wearer)
    assert Notification.objects.count() == 1
    ask(person())
    assert Notification.objects.count() == 2, "another's phone has its own minute"
    Notification.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    ask(wearer)
    assert Notification.objects.filter(user=wearer).count() == 2


def test_sixth_request_within_an_hour_sends_nothing(wearer: User, ask: Any) -> None:
    for _ in range(6):
        ask(wearer)
        Notification.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert Notification.objects.count() == 5
    Notification.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    ask(wearer)
    assert Notification.objects.count() == 6


def test_text_is_no_push_and_a_push_no_text(wearer: User, ask: Any, fcm: Any) -> None:
    save_push_token(wearer, "token", "ANDROID")
    ask(wearer)
    deliver_due("FCM")
    assert fcm.sends() == []
    assert len(sent()) == 1


def test_person_without_a_phone_number_cannot_be_texted(person: Any, ask: Any) -> None:
    user = person()
    ask(user)
    User.objects.filter(pk=user.pk).update(phone_number=None, status="ERASED")
    assert sent() == []
    assert (Notification.objects.get().state, Notification.objects.get().reason) == (State.FAILED, "no phone number")


def test_erased_person_is_rung_no_more_and_nothing_is_kept(
    wearer: User, helper: Any, press: Any, ask: Any, settings: Any
) -> None:
    erased, other = helper(100), helper(200)
    settings.SMS_TRANSPORT = ""  # the calls go by push only
    press(wearer)
    take_due_step(SosEvent.objects.get().pk)
    settings.SMS_TRANSPORT = "console"
    ask(erased)
    notify("OLD", SosEvent.objects.get().uid, {erased.pk: {"distance_m": "100"}})
    Notification.objects.filter(kind="OLD").update(state=State.SENT)
    erase(erased)
    theirs = Notification.objects.filter(user=erased).order_by("pk")
    assert [(row.channel, row.state, row.reason, row.data) for row in theirs] == [
        (Channel.FCM, State.DROPPED, "erased", {}),
        (Channel.SMS, State.DROPPED, "erased", {}),
        (Channel.FCM, State.SENT, "", {}),
    ]
    assert [token.user for token in PushToken.objects.all()] == [other]
    assert Notification.objects.get(user=other).state == State.QUEUED
    assert Notification.objects.get(user=other).data["distance_m"]
    assert sent() == []
