"""Somebody knows a dispatcher's phone number, types wrong passwords all day, and wants to keep them out."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.users.models import PasswordReset, Role, User
from apps.users.rules import codes
from apps.users.rules.accounts import answer_reset_requests
from tests.conftest import PASSWORD
from tests.users.conftest import CONFIRM, LOGIN, RESET, post
from tests.users.test_second_factor import PAGE, code_now, enrol, password_given

pytestmark = pytest.mark.django_db
DOOR = "/console/sign-in/"


def attack(user: User, times: int = 12) -> None:
    """From another address each time."""
    for n in range(times):
        body = {"phone_number": str(user.phone_number), "password": f"wrong {n}"}
        post(LOGIN, body, REMOTE_ADDR=f"10.0.{n}.1")


def sign_in(user: User, password: str = PASSWORD) -> Any:
    return post(LOGIN, {"phone_number": str(user.phone_number), "password": password})


def form(user: User, password: str = PASSWORD) -> dict[str, str]:
    return {"username": str(user.phone_number), "password": password}


@pytest.fixture
def browser(dispatcher: User, settings: Any) -> Client:
    """One in which the dispatcher has signed in before."""
    settings.DISPATCHER_2FA = False
    known = Client()
    assert known.post(DOOR, form(dispatcher)).status_code == 302
    known.post("/console/sign-out/")
    return known


def test_who_has_signed_in_with_this_browser_before_gets_in(dispatcher: User, browser: Client) -> None:
    attack(dispatcher)
    assert Client().post(DOOR, form(dispatcher)).status_code == 429
    assert browser.post(DOOR, form(dispatcher)).status_code == 302


def test_an_app_that_sends_its_last_token_gets_in(wearer: User) -> None:
    tokens = sign_in(wearer).json()
    APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").delete("/api/v1/auth/sessions/")
    attack(wearer)
    assert sign_in(wearer).status_code == 429
    body = {"phone_number": str(wearer.phone_number), "password": PASSWORD, "refresh": tokens["refresh"]}
    assert post(LOGIN, body).status_code == 200


def test_a_token_or_cookie_of_another_account_opens_no_other_door(
    dispatcher: User, person: Any, browser: Client
) -> None:
    other = person(role=Role.ADMIN)
    attack(other)
    token = sign_in(dispatcher).json()["refresh"]
    body = {"phone_number": str(other.phone_number), "password": PASSWORD}
    for refresh in (token, "nonsense", token[:-2]):
        assert post(LOGIN, body | {"refresh": refresh}).status_code == 429
    assert browser.post(DOOR, form(other)).status_code == 429
    name = next(name for name in browser.cookies if name.startswith("known-"))
    browser.cookies[name] = browser.cookies[name].value[:-1] + "."
    attack(dispatcher)
    assert browser.post(DOOR, form(dispatcher)).status_code == 429


def test_a_desk_that_dispatchers_share_knows_each_of_them(dispatcher: User, person: Any, browser: Client) -> None:
    other = person(role=Role.ADMIN)
    assert browser.post(DOOR, form(other)).status_code == 302
    for user in (dispatcher, other):
        attack(user)
        assert browser.post(DOOR, form(user)).status_code == 302


def test_a_browser_that_is_signed_in_already_is_known(dispatcher: User) -> None:
    desk = Client()
    desk.force_login(dispatcher)
    desk.get("/console/")
    desk.post("/console/sign-out/")
    attack(dispatcher)
    assert desk.post(DOOR, form(dispatcher)).status_code == 302


def test_whoever_has_the_password_too_keeps_nobody_from_giving_a_code(dispatcher: User, settings: Any) -> None:
    settings.DISPATCHER_2FA = True
    enrol(dispatcher)
    known = password_given(dispatcher)
    assert known.post(PAGE, {"code": code_now(dispatcher)}).status_code == 302
    thief = password_given(dispatcher)
    assert [thief.post(PAGE, {"code": "000000"}).status_code for _ in range(6)] == [400] * 5 + [429]
    known.post("/console/sign-out/")
    assert known.post(DOOR, form(dispatcher)).status_code == 302
    assert known.post(PAGE, {"code": code_now(dispatcher)}).status_code == 302


def test_a_known_browser_is_no_way_to_try_passwords(dispatcher: User, browser: Client) -> None:
    answers = [browser.post(DOOR, form(dispatcher, f"wrong {n}")).status_code for n in range(8)]
    assert answers == [200] * 4 + [429] * 4 or answers == [200] * 5 + [429] * 3
    assert Client().post(DOOR, form(dispatcher)).status_code == 302, "nor does it keep others out"


def test_a_reset_by_text_is_always_possible(wearer: User) -> None:
    attack(wearer)
    for n in range(4):
        body = {"phone_number": str(wearer.phone_number), "sms_code": f"{n:08d}", "new_password": "another-horse-1"}
        assert post(CONFIRM, body).status_code == 400
    post(RESET, {"phone_number": str(wearer.phone_number)})
    answer_reset_requests()
    code = codes.code_for(PasswordReset, User.objects.get(pk=wearer.pk))
    body = {"phone_number": str(wearer.phone_number), "sms_code": code, "new_password": "another-horse-1"}
    assert post(CONFIRM, body).status_code == 200


def test_wrong_codes_of_a_reset_delay_no_sign_in(wearer: User) -> None:
    for n in range(20):
        body = {"phone_number": str(wearer.phone_number), "sms_code": f"{n:08d}", "new_password": "another-horse-1"}
        post(CONFIRM, body, REMOTE_ADDR=f"10.0.{n}.1")
    assert sign_in(wearer).status_code == 200
