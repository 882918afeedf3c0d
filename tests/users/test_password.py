"""Changing a password, and setting a new one by a code."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db import connection
from django.db.models import F
from django.utils import timezone

from apps.notifications.models import Notification
from apps.users.api.authentication import tokens_for
from apps.users.models import PasswordReset, Status, User
from apps.users.rules import codes
from apps.users.rules.accounts import answer_reset_requests, erase
from apps.users.signals import password_reset_requested
from apps.users.tasks import flush_expired_tokens
from tests.conftest import PASSWORD
from tests.users.conftest import CHANGE, CONFIRM, LOGIN, REFRESH, RESET, at_once, post

pytestmark = pytest.mark.django_db
NEW = "another-horse-battery"
WEAK = ["short", "12345678901", "password123", "", "x" * 129, None, 5]


def change(user: User, **fields: Any) -> Any:
    return post(CHANGE, {"old_password": PASSWORD, "new_password": NEW} | fields, tokens_for(user)["access"])


def code_of(user: User) -> str:
    """The code that `user` is sent."""
    return codes.code_for(PasswordReset, User.objects.get(pk=user.pk))


def asked_code(user: User) -> str:
    """The same, which they ask for now."""
    post(RESET, {"phone_number": str(user.phone_number)})
    answer_reset_requests()
    return code_of(user)


def confirm(user: User, code: Any, **fields: Any) -> Any:
    extra = {name: fields.pop(name) for name in ("REMOTE_ADDR",) if name in fields}
    body = {"phone_number": str(user.phone_number), "sms_code": code, "new_password": NEW} | fields
    return post(CONFIRM, body, **extra)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def make_older(seconds: float) -> None:
    assert PasswordReset.objects.update(created_at=F("created_at") - timedelta(seconds=seconds))


def test_new_password_ends_the_earlier_sessions(wearer: User, sign_in: Any) -> None:
    before = sign_in(wearer).json()["refresh"]
    answer = change(wearer)
    assert (answer.status_code, answer.json().keys()) == (200, {"access", "refresh"})
    assert post(REFRESH, {"refresh": before}).json()["code"] == "token_not_valid"
    assert post(REFRESH, {"refresh": answer.json()["refresh"]}).status_code == 200
    assert (sign_in(wearer).status_code, sign_in(wearer, NEW).status_code) == (401, 200)


def test_wrong_old_password_is_named_and_counted(wearer: User, sign_in: Any) -> None:
    for _ in range(5):
        answer = change(wearer, old_password="wrong")
        assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "old_password"})
    locked = change(wearer)
    assert (locked.status_code, locked.json()["code"]) == (429, "throttled")
    assert int(locked.headers["Retry-After"]) >= 50
    assert sign_in(wearer).status_code == 429


@pytest.mark.parametrize("weak", WEAK, ids=lambda value: repr(value)[:12])
def test_weak_new_password_is_named(wearer: User, sign_in: Any, weak: Any) -> None:
    answer = change(wearer, new_password=weak)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "new_password"})
    assert sign_in(wearer).status_code == 200


def test_password_is_changed_with_a_token_only(wearer: User) -> None:
    assert post(CHANGE, {"old_password": PASSWORD, "new_password": NEW}).status_code == 401


@pytest.fixture
def asked() -> Iterator[list[User]]:
    """Who was to be sent a code."""
    people: list[User] = []

    def note(user: User, **_: Any) -> None:
        assert connection.in_atomic_block
        people.append(user)

    password_reset_requested.connect(note)
    yield people
    password_reset_requested.disconnect(note)


def test_asking_for_a_code_tells_nothing_about_who_is_here(wearer: User, person: Any, asked: list[User]) -> None:
    banned = person(status=Status.BANNED)
    for phone in (str(wearer.phone_number), str(banned.phone_number), "+998901111111"):
        answer = post(RESET, {"phone_number": phone})
        assert (answer.status_code, answer.json()) == (202, {"status": "sent"})
    answer_reset_requests()
    assert asked == [wearer]


@pytest.mark.parametrize("phone", [None, "", 5, "x", [], ...])
def test_asking_without_a_phone_names_it(phone: Any) -> None:
    answer = post(RESET, {} if phone is ... else {"phone_number": phone})
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "phone_number"})


def test_code_sets_a_password_once_and_ends_the_earlier_sessions(wearer: User, sign_in: Any) -> None:
    before = sign_in(wearer).json()["refresh"]
    code = asked_code(wearer)
    assert (len(code), code.isdecimal()) == (8, True)
    answer = confirm(wearer, code)
    assert (answer.status_code, answer.json().keys()) == (200, {"access", "refresh"})
    assert post(REFRESH, {"refresh": before}).status_code == 401
    assert post(REFRESH, {"refresh": answer.json()["refresh"]}).status_code == 200
    assert (sign_in(wearer).status_code, sign_in(wearer, NEW).status_code) == (401, 200)
    assert confirm(wearer, code).status_code == 400
    assert not PasswordReset.objects.exists()


def test_code_that_is_used_confirms_the_phone(wearer: User) -> None:
    code = asked_code(wearer)
    confirm(wearer, wrong(code))
    assert User.objects.get(pk=wearer.pk).phone_confirmed_at is None
    assert confirm(wearer, code).status_code == 200
    assert User.objects.get(pk=wearer.pk).phone_confirmed_at is not None
    change(wearer, old_password=NEW, new_password=PASSWORD)
    erase(wearer)
    assert User.objects.get(pk=wearer.pk).phone_confirmed_at is None


def test_a_code_that_nobody_asked_for_is_not_made(wearer: User) -> None:
    with pytest.raises(codes.NoCode):
        code_of(wearer)
    PasswordReset.objects.create(user=wearer, nonce="", tries=0, created_at=timezone.now())
    guessed = code_of(wearer)
    PasswordReset.objects.all().delete()
    assert confirm(wearer, guessed).status_code == 400


def test_the_database_alone_does_not_tell_the_code(wearer: User, settings: Any) -> None:
    code = asked_code(wearer)
    assert code not in str(PasswordReset.objects.values().get())
    settings.SECRET_KEY = f"{settings.SECRET_KEY}-another"
    assert code_of(wearer) != code


def test_code_is_good_for_ten_minutes(wearer: User) -> None:
    code = asked_code(wearer)
    make_older(590)
    assert code_of(wearer) == code
    make_older(11)
    assert confirm(wearer, code).status_code == 400
    make_older(-11)
    assert confirm(wearer, code).status_code == 200


def test_a_new_code_makes_the_older_one_wrong(wearer: User) -> None:
    older = asked_code(wearer)
    assert asked_code(wearer) == older, "within a minute no other is sent"
    Notification.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    newer = asked_code(wearer)
    assert newer != older
    assert (confirm(wearer, older).status_code, confirm(wearer, newer).status_code) == (400, 200)


def test_code_of_before_a_sign_in_is_wrong(wearer: User, sign_in: Any) -> None:
    code = asked_code(wearer)
    sign_in(wearer)
    assert confirm(wearer, code).status_code == 400


def test_code_of_the_erased_is_forgotten(wearer: User) -> None:
    asked_code(wearer)
    erase(User.objects.get(pk=wearer.pk))
    assert not PasswordReset.objects.exists()


def test_codes_that_have_run_out_are_swept_away(wearer: User, person: Any) -> None:
    asked_code(wearer)
    make_older(601)
    asked_code(other := person())
    flush_expired_tokens()
    assert PasswordReset.objects.get().user == other


def test_wrong_code_unknown_phone_and_banned_look_alike(wearer: User, person: Any) -> None:
    banned, nobody, code = person(status=Status.BANNED), User(phone_number="+998901111111"), asked_code(wearer)
    answers = [confirm(wearer, wrong(code)), confirm(banned, code), confirm(nobody, "12345678")]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert answers[0].json().keys() == {"detail", "code", "sms_code"}


def test_five_wrong_codes_end_the_code_and_delay_no_sign_in(wearer: User, sign_in: Any) -> None:
    code = asked_code(wearer)
    for _ in range(5):
        assert confirm(wearer, wrong(code)).status_code == 400
    assert confirm(wearer, code).status_code == 400
    assert sign_in(wearer).status_code == 200
    Notification.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert confirm(wearer, asked_code(wearer)).status_code == 200


def test_the_right_code_forgets_the_failures(wearer: User) -> None:
    code = asked_code(wearer)
    for _ in range(4):
        post(LOGIN, {"phone_number": str(wearer.phone_number), "password": "wrong"})
    assert confirm(wearer, code).status_code == 200
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("weak", WEAK, ids=lambda value: repr(value)[:12])
def test_weak_password_is_named_and_the_code_stays_good(wearer: User, weak: Any) -> None:
    code = asked_code(wearer)
    for _ in range(6):
        answer = confirm(wearer, code, new_password=weak)
        assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "new_password"})
    assert confirm(wearer, code).status_code == 200


@pytest.mark.parametrize("code", [None, "", 12345678, [], "1" * 17, "nul\0"])
def test_malformed_code_is_named_and_not_counted(wearer: User, code: Any) -> None:
    answer = confirm(wearer, code)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "sms_code"})
    assert not AccessAttempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_code_used_twice_at_once_works_once(wearer: User) -> None:
    code = asked_code(wearer)
    assert at_once(3, lambda n: confirm(wearer, code, new_password=f"{NEW}-{n}")) == {200: 1, 400: 2}


@pytest.mark.django_db(transaction=True)
def test_a_code_bears_five_guesses_at_once(wearer: User) -> None:
    code = asked_code(wearer)
    assert at_once(60, lambda n: confirm(wearer, wrong(code))) == {400: 60}
    assert PasswordReset.objects.get().tries == 5
    assert confirm(wearer, code).status_code == 400
