"""Somebody has a token that was good once: of a phone that was sold, a watch that was lost, a backup that leaked."""

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.test import APIClient

from apps.devices.models import Device
from apps.devices.rules.moving import move_device
from apps.devices.rules.registry import register_device
from apps.sos.kinds import Outcome
from apps.sos.models import HelperAlert, JournalEntry, SosEvent
from apps.sos.rules.desk import resolve
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from apps.users.rules import accounts
from apps.users.rules.accounts import erase
from apps.users.rules.tokens import RefreshToken
from tests.conftest import PASSWORD, make_signal

pytestmark = pytest.mark.django_db
TRIGGER = "/api/v1/sos/trigger/"


def bearer(token: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}", raise_request_exception=False)


def run_out(user: User, key: str | None = None, **claims: Any) -> str:
    """An access token whose hour is over."""
    now = int(time.time())
    body = {"token_type": "access", "exp": now - 60, "iat": now - 3660, "jti": "0" * 32, "user_uuid": str(user.uuid)}
    return jwt.encode(body | claims, key or settings.SIMPLE_JWT["SIGNING_KEY"], algorithm="HS256")


@pytest.fixture
def watch(wearer: User) -> Device:
    return register_device(wearer, "watch-1")[0]


@pytest.fixture
def stolen(wearer: User, watch: Device, client_of: Any, request: pytest.FixtureRequest) -> APIClient:
    """Who has it, by what it was."""
    app = client_of(wearer)
    if request.param == "run out":
        return bearer(run_out(wearer))
    if request.param == "signed out":
        login = {"phone_number": str(wearer.phone_number), "password": PASSWORD}
        tokens = APIClient().post("/api/v1/auth/login/", login, format="json").json()
        app.post("/api/v1/auth/logout/", {"refresh": tokens["refresh"]}, format="json")
        return bearer(tokens["access"])
    if request.param == "signed out everywhere":
        accounts.sign_out_everywhere(wearer)
        return app  # type: ignore[no-any-return]
    token = app.post(f"/api/v1/devices/{watch.device_uid}/token/").json()["token"]
    app.delete(f"/api/v1/devices/{watch.device_uid}/token/")
    return bearer(token)


EACH = pytest.mark.parametrize(
    "stolen", ["run out", "signed out", "signed out everywhere", "a watch's, revoked"], indirect=True
)


@EACH
def test_reads_nothing_and_changes_nothing(stolen: APIClient, wearer: User, watch: Device, press: Any) -> None:
    tried = 0
    for path, _, method, view in EndpointEnumerator().get_api_endpoints():
        ours = path.startswith("/api/v1/") and view.cls.authentication_classes
        if not ours or path in {TRIGGER, "/api/v1/auth/logout/"}:
            continue
        url = path.replace("{device_uid}", watch.device_uid).replace("{token_id}", "1")
        for name in ("uuid", "event_uid", "contact_uuid", "helper_uuid", "notification_uuid", "session_id"):
            url = url.replace(f"{{{name}}}", "00000000-0000-4000-8000-000000000000")
        answer = getattr(stolen, method.lower())(url, {}, format="json")
        assert answer.status_code == 401, f"{method} {path}"
        tried += 1
    assert tried > 40


@EACH
def test_opens_an_sos_that_dispatchers_see_before_helpers_ring(
    stolen: APIClient, wearer: User, watch: Device, helper: Any
) -> None:
    helper(200)
    answer = stolen.post(TRIGGER, make_signal(device_uid="watch-1"), format="json")
    assert answer.status_code == 201
    event = SosEvent.objects.get()
    assert (event.user, event.device, event.stale_credential) == (wearer, watch, True)
    assert JournalEntry.objects.get(kind="DISPATCHERS_ALARMED").data["reason"] == "STALE_CREDENTIAL"
    take_due_step(event.pk)
    assert not HelperAlert.objects.exists(), "helpers are called after a minute, or by a dispatcher's word"
    assert (event.wave_at - event.received_at).total_seconds() == 60


@EACH
def test_moves_and_ends_nothing_of_the_wearers_own_sos(stolen: APIClient, wearer: User, press: Any) -> None:
    """A signal from elsewhere is no repeat of theirs: the helpers go where the wearer is."""
    own = press(wearer, device_uid="watch-1").json()["event_uid"]
    before = SosEvent.objects.get(uid=own).position
    answer = stolen.post(TRIGGER, make_signal(device_uid="watch-1", lat=41.4, timestamp=...), format="json")
    assert answer.json()["event_uid"] != own
    assert SosEvent.objects.get(uid=own).position == before
    assert stolen.post(f"/api/v1/sos/{own}/cancel/").status_code == 401


@EACH
def test_a_hundred_presses_are_one_event(stolen: APIClient, wearer: User) -> None:
    for _ in range(100):
        assert stolen.post(TRIGGER, make_signal(device_uid="watch-1", timestamp=...), format="json").status_code < 300
    assert SosEvent.objects.count() == 1


@EACH
def test_does_not_stand_in_the_way_of_the_wearers_own_sos(stolen: APIClient, wearer: User, press: Any) -> None:
    """An event of a stolen token is none that theirs is counted into, or doubted for."""
    stolen.post(TRIGGER, make_signal(device_uid="watch-1"), format="json")
    own = press(wearer, device_uid="watch-1")
    event = SosEvent.objects.get(uid=own.json()["event_uid"])
    assert (own.status_code, event.stale_credential, event.doubted_until) == (201, False, None)


@EACH
@pytest.mark.parametrize("known", ["timestamp", "signal_uid"])
def test_guessing_the_wearers_next_press_swallows_no_sos(
    known: str, stolen: APIClient, wearer: User, press: Any, dispatcher: User
) -> None:
    """Their signal is no repeat of one that was sent ahead of it, whose event a dispatcher has closed."""
    ahead = {"timestamp": (timezone.now() + timedelta(minutes=5)).isoformat()}
    guess = ahead | ({"signal_uid": "press-8"} if known == "signal_uid" else {})
    sent = stolen.post(TRIGGER, make_signal(device_uid="watch-1", **guess), format="json").json()["event_uid"]
    resolve(SosEvent.objects.get(uid=sent), dispatcher, Outcome.FALSE_ALARM)
    own = press(wearer, device_uid="watch-1", **guess)
    event = SosEvent.objects.get(uid=own.json()["event_uid"])
    assert (own.status_code, event.is_open, event.stale_credential, event.doubted_until) == (201, True, False, None)


@EACH
def test_does_not_learn_when_the_wearer_has_pressed(stolen: APIClient, wearer: User, press: Any) -> None:
    """A guessed time is answered the same whether or not they pressed then."""
    pressed = timezone.now().isoformat()
    own = press(wearer, device_uid="watch-1", timestamp=pressed).json()["event_uid"]
    answer = stolen.post(TRIGGER, make_signal(device_uid="watch-1", timestamp=pressed), format="json")
    assert (answer.status_code, answer.json()["event_uid"] == own) == (201, False)
    assert SosEvent.objects.get(uid=own).signal_count == 1


@EACH
def test_makes_no_watch_look_alive(stolen: APIClient, watch: Device) -> None:
    """Else nobody would be told that it has fallen silent."""
    silent_since = timezone.now() - timedelta(days=2)
    Device.objects.filter(pk=watch.pk).update(is_online=False, last_seen_at=silent_since, days_seen=1)
    assert stolen.post(TRIGGER, make_signal(device_uid="watch-1"), format="json").status_code == 201
    watch.refresh_from_db()
    assert (watch.is_online, watch.last_seen_at, watch.days_seen) == (False, silent_since, 1)


def test_a_watch_that_went_to_somebody_else_opens_nothing_in_their_name(
    wearer: User, watch: Device, client_of: Any, person: Any, dispatcher: User
) -> None:
    token = client_of(wearer).post(f"/api/v1/devices/{watch.device_uid}/token/").json()["token"]
    move_device(watch, person(), dispatcher, "Sold.")
    assert bearer(token).post(TRIGGER, make_signal(device_uid="watch-1"), format="json").status_code == 201
    event = SosEvent.objects.get()
    assert (event.user, event.device, event.stale_credential) == (wearer, None, True)


def test_signed_by_nobody_or_of_nobody_opens_nothing(wearer: User, person: Any) -> None:
    gone = person()
    of_gone = run_out(gone)
    erase(gone)
    refresh = RefreshToken()
    refresh["user_uuid"] = str(wearer.uuid)
    for token in (
        run_out(wearer, "another-key-" * 4),
        jwt.encode({"user_uuid": str(wearer.uuid), "token_type": "access"}, "", algorithm="none"),
        run_out(wearer, user_uuid="nobody"),
        run_out(wearer, user_uuid=None),
        run_out(wearer, token_type="refresh"),
        str(refresh),
        of_gone,
        "mdd_device_" + "A" * 43,
    ):
        assert bearer(token).post(TRIGGER, make_signal(), format="json").status_code == 401
    assert not SosEvent.objects.exists()


def test_a_backup_s_digest_is_no_token(wearer: User, watch: Device, client_of: Any) -> None:
    client_of(wearer).post(f"/api/v1/devices/{watch.device_uid}/token/")
    digest = watch.token.digest
    assert bearer(f"mdd_device_{digest}").post(TRIGGER, make_signal(), format="json").status_code == 401
