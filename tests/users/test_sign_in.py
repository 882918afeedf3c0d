"""Signing in and out, tokens, keys, and what a ban ends."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from apps.users.api.authentication import tokens_for, visitor_of_header
from apps.users.models import BrowserSession, Session, Status, User
from apps.users.rules.accounts import change_standing
from apps.users.rules.tokens import RefreshToken
from apps.users.tasks import flush_expired_tokens
from tests.conftest import PASSWORD
from tests.users.conftest import LOGIN, LOGOUT, ME, REFRESH, USERS, post

pytestmark = pytest.mark.django_db


def refresh(token: str) -> Any:
    return post(REFRESH, {"refresh": token})


def test_wrong_password_and_unknown_phone_look_alike(wearer: User, sign_in: Any) -> None:
    wrong = sign_in(wearer, "nonsense")
    unknown = post(LOGIN, {"phone_number": "+998901111111", "password": "nonsense"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_phone_may_be_written_in_any_way(person: Any) -> None:
    person(phone_number="+998907654321")
    for spelling in ("+998 90 765-43-21", "998907654321", "90 765 43 21"):
        assert post(LOGIN, {"phone_number": spelling, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone_number", ...), ("phone_number", 5), ("phone_number", "x"), ("password", ...), ("password", 5),
     ("password", ""), ("password", "x" * 129)],
)  # fmt: skip
def test_malformed_sign_in_names_the_field(wearer: User, field: str, value: Any) -> None:
    body = {"phone_number": str(wearer.phone_number), "password": PASSWORD, field: value}
    answer = post(LOGIN, {name: said for name, said in body.items() if said is not ...})
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", field})


def test_sign_in_then_refresh_as_often_as_one_likes(wearer: User, sign_in: Any) -> None:
    tokens = sign_in(wearer).json()
    assert tokens.keys() == {"access", "refresh"}
    for _ in range(2):
        answer = refresh(tokens["refresh"])
        assert answer.json().keys() == {"access"}
        assert post(LOGOUT, {"refresh": "x"}, answer.json()["access"]).status_code == 400


def test_what_is_no_refresh_token_does_not_refresh(wearer: User, sign_in: Any) -> None:
    tokens = sign_in(wearer).json()
    for bad in (tokens["access"], "nonsense", "é", tokens["refresh"] + "x"):
        answer = refresh(bad)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    for malformed in (5, None, [], "", "x" * 4097):
        answer = post(REFRESH, {"refresh": malformed})
        assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "refresh"})


def test_a_stale_token_in_the_header_does_not_hinder_signing_in(wearer: User) -> None:
    body = {"phone_number": str(wearer.phone_number), "password": PASSWORD}
    assert post(LOGIN, body, "nonsense").status_code == 200


def test_who_signed_out_cannot_refresh_and_other_sessions_can(wearer: User, sign_in: Any) -> None:
    phone, tablet = sign_in(wearer).json(), sign_in(wearer).json()
    for _ in range(2):
        answer = post(LOGOUT, {"refresh": phone["refresh"]}, phone["access"])
        assert (answer.status_code, answer.content) == (204, b"")
    assert (refresh(phone["refresh"]).status_code, refresh(phone["refresh"]).json()["code"]) == (401, "token_not_valid")
    assert refresh(tablet["refresh"]).status_code == 200


def test_nobody_signs_another_out(wearer: User, person: Any, sign_in: Any) -> None:
    theirs, mine = sign_in(wearer).json(), tokens_for(person())
    answer = post(LOGOUT, {"refresh": theirs["refresh"]}, mine["access"])
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "refresh"})
    assert refresh(theirs["refresh"]).status_code == 200
    assert post(LOGOUT, {"refresh": theirs["refresh"]}).status_code == 401


def test_ban_ends_login_refresh_and_the_present_token(wearer: User, client_of: Any, sign_in: Any) -> None:
    client, token = client_of(wearer), sign_in(wearer).json()["refresh"]
    change_standing(wearer, role=wearer.role, status=Status.BANNED)
    assert sign_in(wearer).json()["code"] == "banned"
    assert refresh(token).json()["code"] == "token_not_valid"
    for method in ("get", "patch", "delete"):
        answer = getattr(client, method)(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "banned")


def test_sessions_from_before_a_ban_do_not_come_back(
    wearer: User, dispatcher: User, client_of: Any, sign_in: Any
) -> None:
    token, admin = sign_in(wearer).json()["refresh"], client_of(dispatcher)
    for status in ("BANNED", "ACTIVE"):
        assert admin.patch(f"{USERS}{wearer.uuid}/", {"status": status}, format="json").status_code == 200
    assert refresh(token).status_code == 401
    assert sign_in(wearer).status_code == 200


@pytest.fixture
def new_key(settings: Any) -> Callable[[list[str]], None]:
    """Changes the signing key, with these older ones still good."""

    def change(older: list[str]) -> None:
        settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"SIGNING_KEY": "a-new-key-" * 4}
        settings.JWT_OLDER_KEYS = older

    return change


def test_tokens_of_an_older_key_stay_good(wearer: User, settings: Any, new_key: Any) -> None:
    old, old_key = tokens_for(wearer), settings.SIMPLE_JWT["SIGNING_KEY"]
    new_key(["another-old-key-" * 3, old_key])
    assert post(LOGOUT, {"refresh": "x"}, old["access"]).status_code == 400
    assert getattr(visitor_of_header(f"Bearer {old['access']}".encode()), "user", None) == wearer
    fresh = refresh(old["refresh"]).json()["access"]
    settings.JWT_OLDER_KEYS = []
    assert getattr(visitor_of_header(f"Bearer {fresh}".encode()), "user", None) == wearer
    assert refresh(old["refresh"]).status_code == 401


def test_tokens_of_a_key_given_up_are_refused(wearer: User, new_key: Any) -> None:
    old = tokens_for(wearer)
    new_key(["another-old-key-" * 3])
    assert post(LOGOUT, {"refresh": "x"}, old["access"]).json()["code"] == "token_not_valid"
    assert refresh(old["refresh"]).json()["code"] == "token_not_valid"
    with pytest.raises(AuthenticationFailed):
        visitor_of_header(f"Bearer {old['access']}".encode())


def test_a_token_that_has_run_out_is_refused_whichever_key(wearer: User, settings: Any, new_key: Any) -> None:
    token, old_key = RefreshToken.for_user(wearer), settings.SIMPLE_JWT["SIGNING_KEY"]
    token.set_exp(lifetime=-timedelta(seconds=1))
    old = str(token)
    new_key([old_key])
    assert refresh(old).json()["code"] == refresh(str(token)).json()["code"] == "token_not_valid"


def test_sessions_that_have_run_out_are_cleared(wearer: User) -> None:
    tokens_for(wearer)
    alive = Session.objects.get().name
    tokens_for(wearer)
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.exclude(name=alive).update(expires_at=past)
    BrowserSession.objects.create(session_key="s", session_data="", expire_date=past)
    flush_expired_tokens()
    assert [session.name for session in Session.objects.all()] == [alive]
    assert not BrowserSession.objects.exists()
