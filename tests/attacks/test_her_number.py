"""A stranger registers her number, puts his watch and his contact on the account, and waits for her."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.notifications.models import Notification, PushToken
from apps.sos.models import JournalEntry, SosEvent
from apps.users.models import EmergencyContact, PasswordReset, PhoneProof, User
from apps.users.rules import codes
from apps.users.rules.accounts import answer_reset_requests

pytestmark = pytest.mark.django_db
HERS = "+998907654321"
RESET, CONFIRM = "/api/v1/auth/password/reset/", "/api/v1/auth/password/reset/confirm/"
TRIGGER = "/api/v1/sos/trigger/"


def bearer(token: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")


@pytest.fixture
def his(eskiz: Any) -> APIClient:
    """His phone, signed in to the account that he has made under her number."""
    password = "someStrongPassword123"
    body = {"phone_number": HERS, "full_name": "Her", "password": password, "password2": password}
    app = bearer(APIClient().post("/api/v1/auth/register/", body, format="json").json()["access"])
    app.post("/api/v1/devices/", {"device_uid": "his-watch", "model": "Spy"}, format="json")
    app.post("/api/v1/emergency-contacts/", {"name": "Him", "phone_number": "+998901112233"}, format="json")
    app.post("/api/v1/push-tokens/", {"token": "his-phone", "platform": "ANDROID"}, format="json")
    return app


@pytest.fixture
def his_watch(his: APIClient) -> APIClient:
    return bearer(his.post("/api/v1/devices/his-watch/token/").json()["token"])


def her_reset(**more: Any) -> Any:
    """She sets a password by the code that only she is sent."""
    her = User.objects.get(phone_number=HERS)
    if not PasswordReset.objects.filter(user=her).exists():
        Notification.objects.all().delete()  # as if the last one had not been a moment ago
        APIClient().post(RESET, {"phone_number": HERS}, format="json")
        answer_reset_requests()
    body = {"phone_number": HERS, "sms_code": codes.code_for(PasswordReset, her), "new_password": "hers-alone-42"}
    return APIClient().post(CONFIRM, body | more, format="json")


def test_she_sees_what_is_attached_and_says_what_stays(his: APIClient) -> None:
    asked = her_reset()
    assert (asked.status_code, asked.json()["code"]) == (409, "choose_what_stays")
    shown = asked.json()["attached"]
    assert [device["device_uid"] for device in shown["devices"]] == ["his-watch"]
    assert [contact["name"] for contact in shown["contacts"]] == ["Him"]
    assert (len(shown["push_tokens"]), len(shown["sessions"])) == (1, 1)
    assert her_reset(keep={}).status_code == 200
    assert not Device.objects.exists()
    assert not EmergencyContact.objects.exists()
    assert not PushToken.objects.exists()
    assert User.objects.get(phone_number=HERS).is_phone_proven


def test_she_keeps_what_is_hers(his: APIClient) -> None:
    his.post("/api/v1/devices/", {"device_uid": "her-watch"}, format="json")
    contact = str(EmergencyContact.objects.get().uuid)
    spy = str(Device.objects.get(device_uid="his-watch").uuid)
    assert her_reset(keep={"devices": ["her-watch"], "contacts": [contact]}).status_code == 200
    assert Device.objects.get().device_uid == "her-watch"
    assert EmergencyContact.objects.count() == 1
    her = User.objects.get(phone_number=HERS).pk
    removed = JournalEntry.objects.filter(kind="DEVICE_REMOVED").values_list("actor_id", "data")
    assert list(removed) == [(her, {"person": her, "device": spy})]


def test_whoever_has_many_watches_may_keep_them_all(his: APIClient) -> None:
    her = User.objects.get(phone_number=HERS)
    many = [f"watch-{n}" for n in range(150)]
    Device.objects.bulk_create([Device(owner=her, device_uid=device_uid) for device_uid in many])
    assert her_reset(keep={"devices": many}).status_code == 200
    assert sorted(Device.objects.values_list("device_uid", flat=True)) == sorted(many)


def test_an_app_that_never_told_its_session_rings_no_more(his: APIClient) -> None:
    PushToken.objects.update(session="")
    assert her_reset(keep={"devices": ["his-watch"]}).status_code == 200
    assert not PushToken.objects.exists()


def test_he_reads_nothing_afterwards(his: APIClient, his_watch: APIClient) -> None:
    tokens = her_reset(keep={}).json()
    her = bearer(tokens["access"])
    her.post("/api/v1/devices/", {"device_uid": "her-watch"}, format="json")
    for url in ("/api/v1/users/me/", "/api/v1/devices/", "/api/v1/sos/", "/api/v1/emergency-contacts/"):
        assert his.get(url).status_code == 401, url
    assert his_watch.get("/api/v1/sos/current/").status_code == 401
    place = {"lat": 41.3, "lon": 69.2}
    assert his_watch.post("/api/v1/devices/his-watch/location/", place, format="json").status_code == 401


def test_his_watch_does_not_speak_for_her(his: APIClient, his_watch: APIClient) -> None:
    """It was hers once, so it opens an event still; dispatchers see that it is none of a good token."""
    her_reset(keep={})
    assert his_watch.post(TRIGGER, {"device_uid": "his-watch"}, format="json").status_code == 201
    event = SosEvent.objects.get()
    assert (event.device, event.stale_credential, event.doubted_until is None) == (None, True, False)


def test_nothing_goes_while_she_needs_help_and_she_gets_in(his: APIClient) -> None:
    his.post(TRIGGER, {"device_uid": "his-watch", "lat": 41.3, "lon": 69.2}, format="json")
    answer = her_reset()
    assert (answer.status_code, answer.json()["choice_waits"]) == (200, True)
    assert (Device.objects.count(), EmergencyContact.objects.count()) == (1, 1)
    assert SosEvent.objects.get().is_open
    assert not User.objects.get(phone_number=HERS).is_phone_proven
    SosEvent.objects.update(status="RESOLVED", next_step_at=None)
    assert her_reset().json()["code"] == "choose_what_stays", "the choice is asked at the next reset"


def test_proving_her_phone_afterwards_asks_what_waited(his: APIClient, his_watch: APIClient) -> None:
    his.post(TRIGGER, {"device_uid": "his-watch", "lat": 41.3, "lon": 69.2}, format="json")
    her = bearer(her_reset().json()["access"])

    def prove(**more: Any) -> Any:
        user = User.objects.get(phone_number=HERS)
        if not PhoneProof.objects.filter(user=user).exists():
            her.post("/api/v1/auth/phone/code/")
        body = {"sms_code": codes.code_for(PhoneProof, user)} | more
        return her.post("/api/v1/auth/phone/confirm/", body, format="json")

    refused = prove(keep={})
    assert (refused.status_code, refused.json()["code"], Device.objects.count()) == (409, "still_needed", 1)
    SosEvent.objects.update(status="RESOLVED", next_step_at=None)
    asked = prove()
    assert (asked.status_code, asked.json()["code"]) == (409, "choose_what_stays")
    assert [device["device_uid"] for device in asked.json()["attached"]["devices"]] == ["his-watch"]
    assert prove(keep={}).status_code == 200
    assert (Device.objects.count(), EmergencyContact.objects.count()) == (0, 0)
    assert JournalEntry.objects.filter(kind="DEVICE_REMOVED").count() == 1
    assert his_watch.get("/api/v1/sos/current/").status_code == 401


def test_a_wrong_code_shows_nothing(his: APIClient) -> None:
    answer = her_reset(sms_code="00000000")
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "sms_code"})


@pytest.mark.parametrize(
    "keep", [5, [], {"devices": "x"}, {"contacts": ["x"]}, {"device": ["x"]}, {"push_tokens": [1]}]
)
def test_a_choice_that_is_none_is_named(his: APIClient, keep: Any) -> None:
    answer = her_reset(keep=keep)
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "keep"})
    assert Device.objects.count() == 1


def test_who_has_proven_the_phone_is_asked_nothing(his: APIClient) -> None:
    assert her_reset(keep={}).status_code == 200
    her = User.objects.get(phone_number=HERS)
    Device.objects.create(owner=her, device_uid="her-watch")
    assert her_reset().status_code == 200
    assert Device.objects.count() == 1
