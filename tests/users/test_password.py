"""Changing a password, and setting a new one by a code."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db import connection, connections

from apps.users import resets
from apps.users.authentication import tokens_for
from apps.users.models import Status, User
from apps.users.signals import password_reset_requested
from tests.conftest import PASSWORD
from tests.users.conftest import CHANGE, CONFIRM, LOGIN, REFRESH, RESET, post

pytestmark = pytest.mark.django_db
NEW = "another-horse-battery"
WEAK = ["short", "12345678901", "password123", "", "x" * 129, None, 5]


def change(user: User, **fields: Any) -> Any:
    return post(CHANGE, {"old_password": PASSWORD, "new_password": NEW} | fields, tokens_for(user)["access"])


def confirm(user: User, code: str | None = None, **fields: Any) -> Any:
    body = {
        "phone_number": str(user.phone_number),
        "sms_code": code or resets.code_for(User.objects.get(pk=user.pk)),
        "new_password": NEW,
    } | fields
    return post(CONFIRM, body)


def wrong_code(user: User) -> str:
    return next(code for code in ("000000", "000001", "000002") if not resets.code_is_right(user, code))


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
    assert int(locked.headers["Retry-After"]) >= 890
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
    assert asked == [wearer]


@pytest.mark.parametrize("phone", [None, "", 5, "x", [], ...])
def test_asking_without_a_phone_names_it(phone: Any) -> None:
    answer = post(RESET, {} if phone is ... else {"phone_number": phone})
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "phone_number"})


def test_code_sets_a_password_once_and_ends_the_earlier_sessions(wearer: User, sign_in: Any) -> None:
    before = sign_in(wearer).json()["refresh"]
    wearer.refresh_from_db()
    code = resets.code_for(wearer)
    assert (len(code), code.isdecimal()) == (6, True)
    answer = confirm(wearer, code)
    assert (answer.status_code, answer.json().keys()) == (200, {"access", "refresh"})
    assert post(REFRESH, {"refresh": before}).status_code == 401
    assert post(REFRESH, {"refresh": answer.json()["refresh"]}).status_code == 200
    assert (sign_in(wearer).status_code, sign_in(wearer, NEW).status_code) == (401, 200)
    assert confirm(wearer, code).status_code == 400


def test_code_is_good_for_two_windows(wearer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [resets.WINDOW_S * 1000.0]
    monkeypatch.setattr("apps.users.resets.time.time", lambda: now[0])
    code = resets.code_for(wearer)
    now[0] += resets.WINDOW_S * 2 - 1
    assert resets.code_is_right(wearer, code)
    now[0] += 1
    assert not resets.code_is_right(wearer, code)
    now[0] -= resets.WINDOW_S * 2
    assert resets.code_is_right(wearer, code)


def test_code_of_before_a_sign_in_is_wrong(wearer: User, sign_in: Any) -> None:
    code = resets.code_for(wearer)
    sign_in(wearer)
    assert confirm(wearer, code).status_code == 400


def test_wrong_code_unknown_phone_and_banned_look_alike(wearer: User, person: Any) -> None:
    banned = person(status=Status.BANNED)
    nobody = User(phone_number="+998901111111")
    answers = [confirm(wearer, wrong_code(wearer)), confirm(banned), confirm(nobody, "123456")]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert answers[0].json().keys() == {"detail", "code", "sms_code"}


@pytest.mark.parametrize("known", [True, False])
def test_guessing_codes_locks_the_phone(wearer: User, sign_in: Any, known: bool) -> None:
    user = wearer if known else User(phone_number="+998901111111")
    for _ in range(5):
        assert confirm(user, wrong_code(wearer)).status_code == 400
    locked = confirm(user, resets.code_for(wearer))
    assert (locked.status_code, locked.json()["code"]) == (429, "throttled")
    assert int(locked.headers["Retry-After"]) >= 890
    assert AccessAttempt.objects.get().failures_since_start == 5
    assert sign_in(user).status_code == 429


def test_the_right_code_forgets_the_failures(wearer: User) -> None:
    for _ in range(4):
        post(LOGIN, {"phone_number": str(wearer.phone_number), "password": "wrong"})
    assert confirm(wearer).status_code == 200
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("weak", WEAK, ids=lambda value: repr(value)[:12])
def test_weak_password_is_named_and_the_code_stays_good(wearer: User, weak: Any) -> None:
    answer = confirm(wearer, new_password=weak)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "new_password"})
    assert confirm(wearer).status_code == 200


@pytest.mark.parametrize("code", [None, "", 123456, [], "1" * 17, "nul\0"])
def test_malformed_code_is_named_and_not_counted(wearer: User, code: Any) -> None:
    answer = confirm(wearer, sms_code=code)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "sms_code"})
    assert not AccessAttempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_code_used_twice_at_once_works_once(wearer: User) -> None:
    code = resets.code_for(wearer)

    def use(n: int) -> int:
        try:
            return int(confirm(wearer, code, new_password=f"{NEW}-{n}").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(use, range(3))) == [200, 400, 400]
