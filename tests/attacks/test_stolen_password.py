"""Somebody knows a dispatcher's password, and nothing else."""

import json
import re
from base64 import b32decode
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models import F
from django_otp.oath import TOTP
from rest_framework.test import APIClient

from apps.sos.models import HelperAlert
from apps.users.models import User
from tests.conftest import PASSWORD
from tests.monitoring.test_socket import Socket, close_code
from tests.users.conftest import REFRESH, USERS, post
from tests.users.test_second_factor import (
    CONFIRM,
    ENROL,
    GIVE,
    PAGE,
    bearer,
    code_of,
    enrol,
    password_given,
    sign_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(settings: Any) -> None:
    settings.DISPATCHER_2FA = True


@pytest.fixture
def victim(superuser: User) -> User:
    enrol(superuser)
    return User.objects.get(pk=superuser.pk)


@pytest.fixture
def thief(victim: User) -> APIClient:
    return bearer(sign_in(victim))


def shown_by(secret: str) -> str:
    """What an authenticator app with this secret shows."""
    return f"{TOTP(b32decode(secret)).token():06d}"


def test_reads_no_place_and_no_phone_number(thief: APIClient, wearer: User, press: Any, helper: Any) -> None:
    helper(100)
    uid = press(wearer).json()["event_uid"]
    paths = ("users/", f"users/{wearer.uuid}/", "devices/", f"sos/{uid}/", f"sos/{uid}/timeline/", "sos/")
    for url in (*paths, "console/queue/", "sos/feed/"):
        said = json.dumps(thief.get(f"/api/v1/{url}").json())
        for secret in (str(wearer.phone_number), wearer.full_name, "41.311"):
            assert secret not in said, url


def test_closes_no_event_and_bans_nobody(thief: APIClient, wearer: User, press: Any) -> None:
    uid = press(wearer).json()["event_uid"]
    for path, body in (("resolve", {"outcome": "FALSE_ALARM"}), ("handover", {"to": "103"}), ("note", {"text": "x"})):
        assert thief.post(f"/api/v1/sos/{uid}/{path}/", body, format="json").status_code == 403
    assert thief.patch(f"/api/v1/users/{wearer.uuid}/", {"status": "BANNED"}, format="json").status_code == 403
    assert thief.patch("/api/v1/dispatch-policy/", {"repeat_s": 90}, format="json").status_code == 403
    assert not HelperAlert.objects.exists()


def test_puts_no_second_factor_of_their_own_on_the_account(thief: APIClient, victim: User) -> None:
    assert "factor_code" in thief.post(ENROL, {"password": PASSWORD}, format="json").json()
    assert thief.post(ENROL, {"password": PASSWORD, "factor_code": "000000"}, format="json").status_code == 400
    assert thief.post(CONFIRM, {"factor_code": "000000"}, format="json").status_code == 409


def test_guesses_no_more_codes_by_signing_in_between(victim: User) -> None:
    heard = set()
    for _ in range(4):
        app = bearer(sign_in(victim))
        heard |= {app.post(GIVE, {"factor_code": "000000"}, format="json").status_code for _ in range(4)}
    assert heard == {400, 429}


def test_never_saw_the_secret_that_the_dispatcher_sets_up(dispatcher: User) -> None:
    thief, owner = bearer(sign_in(dispatcher)), bearer(sign_in(dispatcher))
    seen = [thief.post(ENROL, {"password": PASSWORD}, format="json").json()["secret"]]
    own = owner.post(ENROL, {"password": PASSWORD}, format="json").json()["secret"]
    seen.append(thief.post(ENROL, {"password": PASSWORD}, format="json").json()["secret"])
    assert own not in seen
    assert owner.post(CONFIRM, {"factor_code": shown_by(own)}, format="json").status_code == 200
    assert [thief.post(CONFIRM, {"factor_code": shown_by(secret)}, format="json").status_code for secret in seen] == [
        409,
        409,
    ]


def test_stays_in_no_browser_once_the_dispatcher_has_set_one_up(dispatcher: User) -> None:
    thief, owner = password_given(dispatcher), password_given(dispatcher)
    assert thief.post(PAGE, {"later": "1"}).status_code == 302
    assert thief.get("/console/").status_code == 200
    secret = re.search(r"<code>([A-Z2-7]+)</code>", owner.get(PAGE).content.decode())
    assert secret
    assert owner.post(PAGE, {"code": shown_by(secret[1])}).status_code == 200
    assert owner.get("/console/").status_code == 200
    assert thief.get("/console/").status_code == 302


def test_takes_nothing_from_the_account(thief: APIClient, victim: User) -> None:
    body = {"old_password": PASSWORD, "new_password": "another-horse-battery"}
    tried = [
        thief.post("/api/v1/auth/password/change/", body, format="json"),
        thief.delete("/api/v1/users/me/", {"password": PASSWORD}, format="json"),
        thief.delete("/api/v1/auth/sessions/"),
    ]
    assert [code_of(answer) for answer in tried] == [(403, "second_factor_required")] * 3


def test_an_app_of_before_has_seven_days_too(dispatcher: User, settings: Any) -> None:
    settings.DISPATCHER_2FA = False
    refresh = sign_in(dispatcher)["refresh"]
    settings.DISPATCHER_2FA = True
    assert bearer(post(REFRESH, {"refresh": refresh}).json()).get(USERS).status_code == 200
    User.objects.update(second_factor_due_at=F("second_factor_due_at") - timedelta(days=7))
    assert code_of(bearer(post(REFRESH, {"refresh": refresh}).json()).get(USERS)) == (403, "second_factor_required")


def test_sees_no_page(victim: User) -> None:
    browser = password_given(victim)
    for url in ("/console/", "/admin/", "/api/v1/console/queue/"):
        assert browser.get(url).status_code in {302, 401, 403}, url


@pytest.mark.django_db(transaction=True)
async def test_hears_nothing_on_the_socket(superuser: User) -> None:
    def steal() -> str:
        enrol(superuser)
        return sign_in(superuser)["access"]

    assert await close_code(Socket(await sync_to_async(steal)())) == 4403
