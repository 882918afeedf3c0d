"""A phone is proven by a code: who must, who need not, and what that changes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.rules.moving import make_claim_code
from apps.devices.rules.registry import register_device
from apps.monitoring.health import checks
from apps.notifications.models import Notification
from apps.notifications.rules.delivery import deliver_due
from apps.sos.models import HelperAlert, JournalEntry
from apps.users.models import PasswordReset, PhoneProof, Role, User
from apps.users.rules import codes
from tests.users.conftest import ME, REGISTER, USERS, at_once, post, registration

pytestmark = pytest.mark.django_db
CODE, CONFIRM = "/api/v1/auth/phone/code/", "/api/v1/auth/phone/confirm/"


@pytest.fixture
def gateway(eskiz: Any) -> Any:
    """Texts reach phones: proof is asked."""
    return eskiz


def prove(client: APIClient, user: User) -> Any:
    client.post(CODE)
    return client.post(CONFIRM, {"sms_code": codes.code_for(PhoneProof, user)}, format="json")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def test_the_code_comes_by_text_and_proves_the_phone(gateway: Any, wearer: User, client_of: Any) -> None:
    app = client_of(wearer)
    assert app.get(ME).json()["phone_confirmed_at"] is None
    assert (app.post(CODE).status_code, app.post(CODE).json()) == (202, {"status": "sent"})
    deliver_due("SMS")
    (text,) = gateway.messages()
    code = codes.code_for(PhoneProof, wearer)
    assert (text.phone, code in text.text) == (str(wearer.phone_number)[1:], True)
    answer = app.post(CONFIRM, {"sms_code": code}, format="json")
    assert answer.status_code == 200
    assert answer.json()["phone_confirmed_at"]
    assert app.get(ME).status_code == 200, "the session goes on"
    assert JournalEntry.objects.get().kind == "PHONE_PROVEN"
    assert app.post(CONFIRM, {"sms_code": code}, format="json").status_code == 400


@pytest.mark.parametrize("code", [..., None, "", 5, [], "x" * 17, "00000000"])
def test_a_wrong_code_names_its_field(gateway: Any, wearer: User, client_of: Any, code: Any) -> None:
    app = client_of(wearer)
    app.post(CODE)
    answer = app.post(CONFIRM, {} if code is ... else {"sms_code": code}, format="json")
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "sms_code"})
    assert not User.objects.get(pk=wearer.pk).is_phone_proven


def test_a_code_is_good_for_five_tries(gateway: Any, wearer: User, client_of: Any) -> None:
    app = client_of(wearer)
    app.post(CODE)
    code = codes.code_for(PhoneProof, wearer)
    for _ in range(5):
        app.post(CONFIRM, {"sms_code": wrong(code)}, format="json")
    assert app.post(CONFIRM, {"sms_code": code}, format="json").status_code == 400


def test_a_code_of_one_purpose_is_wrong_for_the_other(gateway: Any, wearer: User, client_of: Any) -> None:
    app = client_of(wearer)
    codes.ask(PasswordReset, wearer)
    app.post(CODE)
    reset = codes.code_for(PasswordReset, wearer)
    assert app.post(CONFIRM, {"sms_code": reset}, format="json").status_code == 400
    proof = {"sms_code": codes.code_for(PhoneProof, wearer), "phone_number": str(wearer.phone_number)}
    body = proof | {"new_password": "another-horse-battery"}
    assert post("/api/v1/auth/password/reset/confirm/", body).status_code == 400


def test_five_codes_an_hour(gateway: Any, wearer: User, client_of: Any) -> None:
    app = client_of(wearer)
    for _ in range(2):
        assert app.post(CODE).status_code == 202
    assert Notification.objects.count() == 1, "one a minute"
    for _ in range(7):
        Notification.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        assert app.post(CODE).status_code == 202
    assert Notification.objects.count() == 5
    Notification.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    app.post(CODE)
    assert Notification.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_the_same_code_many_times_at_once_is_used_once(gateway: Any, wearer: User, client_of: Any) -> None:
    app = client_of(wearer)
    app.post(CODE)
    body = {"sms_code": codes.code_for(PhoneProof, wearer)}
    got = at_once(8, lambda _: app.post(CONFIRM, body, format="json"))
    assert got[200] == 1
    assert JournalEntry.objects.filter(kind="PHONE_PROVEN").count() == 1


def test_without_a_gateway_nobody_is_asked(
    wearer: User, person: Any, dispatcher: User, client_of: Any, settings: Any
) -> None:
    answer = client_of(wearer).post(CODE)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_texts")
    url = f"{USERS}{wearer.uuid}/"
    assert client_of(dispatcher).patch(url, {"role": "HELPER"}, format="json").status_code == 200
    assert checks.condition()["phone_proof"] == "not asked: no text gateway"
    settings.SMS_TRANSPORT = "console"
    other = f"{USERS}{person().uuid}/"
    assert client_of(dispatcher).patch(other, {"role": "HELPER"}, format="json").status_code == 200
    settings.SMS_TRANSPORT = "eskiz"
    assert checks.condition()["phone_proof"] == "asked"


def test_a_helper_s_phone_is_proven_first(gateway: Any, wearer: User, dispatcher: User, client_of: Any) -> None:
    desk, url = client_of(dispatcher), f"{USERS}{wearer.uuid}/"
    answer = desk.patch(url, {"role": "HELPER"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_not_proven")
    assert User.objects.get(pk=wearer.pk).role == Role.USER
    assert prove(client_of(wearer), wearer).status_code == 200
    assert desk.patch(url, {"role": "HELPER"}, format="json").status_code == 200


def test_who_is_a_helper_already_stays_one(gateway: Any, helper: Any, dispatcher: User, client_of: Any) -> None:
    hero = helper(100)
    body = {"role": "HELPER", "full_name": "Hero"}
    assert client_of(dispatcher).patch(f"{USERS}{hero.uuid}/", body, format="json").status_code == 200


def test_approval_by_itself_waits_for_the_proof(gateway: Any, wearer: User, client_of: Any, settings: Any) -> None:
    settings.HELPERS_AUTO_APPROVE = True
    app = client_of(wearer)
    assert app.patch(ME, {"wants_to_help": True}, format="json").json()["role"] == "USER"
    assert prove(app, wearer).json()["role"] == "HELPER"


def test_a_watch_is_taken_over_by_who_has_proven_their_phone(
    gateway: Any, wearer: User, person: Any, client_of: Any
) -> None:
    buyer = person()
    app = client_of(buyer)
    device, _ = register_device(wearer, "watch-1")
    body = {"device_uid": "watch-1", "claim_code": make_claim_code(device)[0]}
    answer = app.post("/api/v1/devices/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_not_proven")
    prove(app, buyer)
    assert app.post("/api/v1/devices/", body, format="json").status_code == 201
    assert Device.objects.get().owner == buyer


def test_an_sos_is_never_asked(gateway: Any, wearer: User, helper: Any, press: Any) -> None:
    helper(200)
    assert press(wearer).status_code == 201
    from apps.sos.models import SosEvent  # noqa: PLC0415
    from apps.sos.rules.due_step import take_due_step  # noqa: PLC0415

    take_due_step(SosEvent.objects.get().pk)
    assert HelperAlert.objects.count() == 1


def test_owner_of_a_number_hears_once_a_day_that_somebody_tried_it(gateway: Any, person: Any) -> None:
    person(phone_number="+998907654321")
    for _ in range(3):
        answer = post(REGISTER, registration())
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    deliver_due("SMS")
    assert [text.phone for text in gateway.messages()] == ["998907654321"]
