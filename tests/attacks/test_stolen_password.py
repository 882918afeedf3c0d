"""Somebody knows a dispatcher's password, and nothing else."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from rest_framework.test import APIClient

from apps.sos.models import HelperAlert
from apps.users.models import User
from apps.users.rules import second_factor
from tests.monitoring.test_socket import Socket, close_code
from tests.users.test_second_factor import CONFIRM, ENROL, bearer, code_now, password_given, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(settings: Any) -> None:
    settings.DISPATCHER_2FA = True


@pytest.fixture
def victim(superuser: User) -> User:
    second_factor.begin(superuser)
    second_factor.confirm(superuser, code_now(superuser, confirmed=False))
    return User.objects.get(pk=superuser.pk)


@pytest.fixture
def thief(victim: User) -> APIClient:
    return bearer(sign_in(victim))


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
    from tests.conftest import PASSWORD  # noqa: PLC0415

    assert "factor_code" in thief.post(ENROL, {"password": PASSWORD}, format="json").json()
    assert thief.post(ENROL, {"password": PASSWORD, "factor_code": "000000"}, format="json").status_code == 400
    assert thief.post(CONFIRM, {"factor_code": "000000"}, format="json").status_code == 409


def test_sees_no_page(victim: User) -> None:
    browser = password_given(victim)
    for url in ("/console/", "/admin/", "/api/v1/console/queue/"):
        assert browser.get(url).status_code in {302, 401, 403}, url


@pytest.mark.django_db(transaction=True)
async def test_hears_nothing_on_the_socket(superuser: User) -> None:
    def steal() -> str:
        second_factor.begin(superuser)
        second_factor.confirm(superuser, code_now(superuser, confirmed=False))
        return sign_in(superuser)["access"]

    assert await close_code(Socket(await sync_to_async(steal)())) == 4403
