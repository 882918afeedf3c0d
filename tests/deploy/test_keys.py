"""The keys turn: what the old ones have signed goes on working until they are taken away."""

from typing import Any

import pytest
from django.test import Client
from phonenumber_field.phonenumber import PhoneNumber
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.rules.moving import make_claim_code
from apps.devices.rules.registry import register_device
from apps.notifications.models import Notification
from apps.notifications.rules.receipts import status_url
from apps.sos.models import SosEvent
from apps.sos.queries.live import live_url
from apps.sos.rules.due_step import take_due_step
from apps.users.api.authentication import tokens_for
from apps.users.models import PasswordReset, User
from apps.users.rules import codes
from apps.users.rules.contacts import add_contact
from tests.deploy.test_settings import KEY, start

pytestmark = pytest.mark.django_db
NEW, NEW_JWT = "n3w-" * 12, "n3w-jwt-" * 8


def turn(settings: Any, *, kept: bool) -> None:
    """Both keys are new; the old ones are still good, or not."""
    older, older_jwt = settings.SECRET_KEY, settings.SIMPLE_JWT["SIGNING_KEY"]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [older] if kept else []
    settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"SIGNING_KEY": NEW_JWT}
    settings.JWT_OLDER_KEYS = [older_jwt] if kept else []


@pytest.fixture
def event(press: Any, wearer: User, helper: Any) -> SosEvent:
    helper(200)
    press(wearer)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    return event


@pytest.fixture(params=[True, False], ids=["kept", "taken away"])
def kept(request: pytest.FixtureRequest) -> bool:
    """Whether the old keys are among the new settings."""
    return bool(request.param)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def test_a_contact_s_page_of_yesterday_opens(event: SosEvent, wearer: User, settings: Any, kept: bool) -> None:
    contact = add_contact(wearer, PhoneNumber.from_string("+998900000999"), name="Contact")
    path = path_of(live_url(event.uid, contact.pk))
    assert APIClient().get(path).status_code == 200
    turn(settings, kept=kept)
    assert APIClient().get(path).status_code == (200 if kept else 404)


def test_a_receipt_of_a_push_under_way_counts(event: SosEvent, settings: Any, kept: bool) -> None:
    push = Notification.objects.get(kind="SOS_ALERT")
    turn(settings, kept=kept)
    answer = APIClient().post(path_of(push.data["receipt_url"]))
    push.refresh_from_db()
    assert (answer.status_code, push.state) == ((200, "RECEIVED") if kept else (404, "QUEUED"))


def test_a_gateway_s_report_counts(event: SosEvent, settings: Any, kept: bool) -> None:
    path = path_of(status_url(Notification.objects.get(kind="SOS_ALERT").uuid, "eskiz"))
    turn(settings, kept=kept)
    assert (APIClient().post(path, {"status": "DELIVRD"}).status_code == 404) is not kept


def test_a_dispatcher_s_browser_stays_signed_in(dispatcher: User, settings: Any, kept: bool) -> None:
    browser = Client()
    browser.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/console/").status_code == 200
    turn(settings, kept=kept)
    for _ in range(2):  # the first request signs the session anew
        assert browser.get("/console/").status_code == (200 if kept else 302)


def test_an_app_stays_signed_in(wearer: User, settings: Any, kept: bool) -> None:
    tokens = tokens_for(wearer)
    turn(settings, kept=kept)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert client.get("/api/v1/users/me/").status_code == (200 if kept else 401)
    refreshed = client.post("/api/v1/auth/refresh/", {"refresh": tokens["refresh"]}, format="json")
    assert refreshed.status_code == (200 if kept else 401)


def test_a_code_under_way_is_good(wearer: User, settings: Any, kept: bool) -> None:
    codes.ask(PasswordReset, wearer)
    code = codes.code_for(PasswordReset, wearer)
    turn(settings, kept=kept)
    assert codes.try_code(PasswordReset, wearer, code) is kept
    assert codes.try_code(PasswordReset, wearer, codes.code_for(PasswordReset, wearer))


def test_a_watch_goes_to_its_new_owner(wearer: User, person: Any, settings: Any, kept: bool) -> None:
    device, _ = register_device(wearer, "watch-1")
    code, _ = make_claim_code(device)
    turn(settings, kept=kept)
    body = {"device_uid": "watch-1", "claim_code": code}
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens_for(person())['access']}")
    answer = client.post("/api/v1/devices/", body, format="json")
    assert answer.status_code == (201 if kept else 409)
    assert (Device.objects.get().owner == wearer) is not kept


def test_one_key_for_everything_turns_as_one() -> None:
    """Without a key of their own, tokens are signed by the secret key, and its older ones go on verifying them."""
    older = KEY[::-1]
    show = "import django; django.setup(); from django.conf import settings; print(*settings.JWT_OLDER_KEYS)"
    done = start("-c", show, SECRET_KEY_FALLBACKS=f"{older},{KEY}x", JWT_SIGNING_KEY="")
    assert done.stdout.split() == [older, f"{KEY}x"]


@pytest.mark.parametrize("name", ["SECRET_KEY_FALLBACKS", "JWT_OLDER_KEYS"])
def test_an_example_is_no_older_key(name: str) -> None:
    done = start(**{name: f"{KEY},django-insecure-{KEY}"})
    assert f"{name}: " in done.stderr.strip().splitlines()[-1]
