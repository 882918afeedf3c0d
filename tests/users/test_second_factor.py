"""The second factor of dispatchers: setting it up, giving it, and what a sign-in without it is."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.test import APIClient

from apps.monitoring.console.links import link_for
from apps.notifications.models import Notification
from apps.sos.models import JournalEntry
from apps.users.models import RecoveryCode, User
from apps.users.rules import second_factor
from tests.conftest import PASSWORD
from tests.users.conftest import LOGIN, ME, REFRESH, USERS, at_once, post

pytestmark = pytest.mark.django_db
GIVE, ENROL = "/api/v1/auth/second-factor/", "/api/v1/auth/second-factor/enrol/"
CONFIRM = f"{ENROL}confirm/"
SIGN_IN, PAGE = "/console/sign-in/", "/console/second-factor/"


@pytest.fixture(autouse=True)
def asked(settings: Any) -> None:
    settings.DISPATCHER_2FA = True


def code_now(user: User, *, confirmed: bool = True) -> str:
    """What the authenticator app shows; each code is good once."""
    device = TOTPDevice.objects.get(user=user, confirmed=confirmed)
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=-1)
    return f"{TOTP(device.bin_key).token():06d}"


def enrol(user: User) -> list[str]:
    second_factor.begin(user, "sign-in")
    return second_factor.confirm(user, code_now(user, confirmed=False), "sign-in")


@pytest.fixture
def enrolled(dispatcher: User) -> User:
    enrol(dispatcher)
    return User.objects.get(pk=dispatcher.pk)


def sign_in(user: User) -> dict[str, str]:
    answer = post(LOGIN, {"phone_number": str(user.phone_number), "password": PASSWORD})
    assert answer.status_code == 200
    tokens: dict[str, str] = answer.json()
    assert tokens.keys() == {"access", "refresh"}, "as the specification prints it"
    return tokens


def bearer(tokens: dict[str, str]) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}", raise_request_exception=False)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_until_it_is_given_the_token_is_a_users(enrolled: User, wearer: User, press: Any) -> None:
    uid = press(wearer).json()["event_uid"]
    app = bearer(sign_in(enrolled))
    for url in (USERS, "/api/v1/deeds/", "/api/v1/console/queue/", "/api/v1/dispatch-policy/", "/api/v1/sos/feed/"):
        assert code_of(app.get(url)) == (403, "second_factor_required"), url
    assert code_of(app.post(f"/api/v1/sos/{uid}/acknowledge/")) == (403, "second_factor_required")
    assert app.get(f"/api/v1/sos/{uid}/").status_code == 404
    assert app.get("/api/v1/sos/").json()["results"] == []
    assert app.get(ME).json()["role"] == "ADMIN"


def test_with_it_they_are_a_dispatcher_and_stay_one(enrolled: User, wearer: User, press: Any) -> None:
    uid = press(wearer).json()["event_uid"]
    before = sign_in(enrolled)
    answer = bearer(before).post(GIVE, {"factor_code": code_now(enrolled)}, format="json")
    assert answer.status_code == 200
    tokens = answer.json()
    assert bearer(tokens).get(f"/api/v1/sos/{uid}/").status_code == 200
    fresh = post(REFRESH, {"refresh": tokens["refresh"]}).json()
    assert bearer(fresh).get(USERS).status_code == 200
    assert post(REFRESH, {"refresh": before["refresh"]}).status_code == 401, "the new ones replace them"


@pytest.mark.parametrize("code", [..., None, "", 5, "000000", "abcdef", "x" * 33, "１２３４５６"])
def test_a_wrong_code_names_its_field(enrolled: User, code: Any) -> None:
    answer = bearer(sign_in(enrolled)).post(GIVE, {} if code is ... else {"factor_code": code}, format="json")
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", "factor_code"})


def test_a_code_is_good_once(enrolled: User) -> None:
    code = code_now(enrolled)
    assert bearer(sign_in(enrolled)).post(GIVE, {"factor_code": code}, format="json").status_code == 200
    assert bearer(sign_in(enrolled)).post(GIVE, {"factor_code": code}, format="json").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_code_many_times_at_once_is_good_once(enrolled: User, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PHONE = 100
    code, clients = code_now(enrolled), [bearer(sign_in(enrolled)) for _ in range(6)]
    got = at_once(6, lambda n: clients[n].post(GIVE, {"factor_code": code}, format="json"))
    assert got == {200: 1, 400: 5}


def test_wrong_codes_are_limited_as_passwords_are(enrolled: User) -> None:
    app = bearer(sign_in(enrolled))
    for _ in range(5):
        answer = app.post(GIVE, {"factor_code": "000000"}, format="json")
    locked = app.post(GIVE, {"factor_code": code_now(enrolled)}, format="json")
    assert (answer.status_code, locked.status_code, int(locked.headers["Retry-After"]) > 0) == (400, 429, True)


def test_a_recovery_code_stands_in_once_however_typed(dispatcher: User) -> None:
    codes = enrol(dispatcher)
    assert (len(codes), len(set(codes))) == (10, 10)
    for typed, status in ((codes[0], 200), (codes[0], 400), (codes[1].upper().replace("-", " "), 200)):
        answer = bearer(sign_in(dispatcher)).post(GIVE, {"factor_code": typed}, format="json")
        assert answer.status_code == status
    assert RecoveryCode.objects.count() == 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(r::text, ' ') FROM users_recoverycode r")
        held = cursor.fetchone()[0]
    assert not any(code.replace("-", "") in held for code in codes)


def test_setting_one_up_over_the_api(dispatcher: User) -> None:
    app = bearer(sign_in(dispatcher))
    assert app.get(USERS).status_code == 200, "seven days of grace"
    assert app.get(ME).json()["second_factor"]["due_at"]
    assert app.post(ENROL, {"password": "wrong"}, format="json").json().keys() == {"detail", "code", "password"}
    begun = app.post(ENROL, {"password": PASSWORD}, format="json").json()
    assert begun["url"].startswith("otpauth://totp/MDD")
    assert begun["secret"] in begun["url"]
    assert app.post(ENROL, {"password": PASSWORD}, format="json").json() == begun, "the same until it is confirmed"
    assert app.get(USERS).status_code == 200, "nothing has changed yet"
    code = code_now(dispatcher, confirmed=False)
    answer = app.post(CONFIRM, {"factor_code": code}, format="json").json()
    assert len(answer["recovery_codes"]) == 10
    assert bearer(answer).get(USERS).status_code == 200
    assert code_of(app.get(USERS)) == (403, "second_factor_required"), "the token of before has not given it"
    assert Notification.objects.filter(user=dispatcher, kind="SECOND_FACTOR_SET").exists()
    assert JournalEntry.objects.get(kind="SECOND_FACTOR_SET").actor_id == dispatcher.pk


def test_another_one_asks_for_the_present_one(enrolled: User) -> None:
    given = bearer(bearer(sign_in(enrolled)).post(GIVE, {"factor_code": code_now(enrolled)}, format="json").json())
    without = given.post(ENROL, {"password": PASSWORD}, format="json")
    assert (without.status_code, "factor_code" in without.json()) == (400, True)
    assert not TOTPDevice.objects.filter(confirmed=False).exists()
    body = {"password": PASSWORD, "factor_code": code_now(enrolled)}
    assert given.post(ENROL, body, format="json").status_code == 200


def test_without_one_the_role_counts_for_seven_days(dispatcher: User) -> None:
    assert bearer(sign_in(dispatcher)).get(USERS).status_code == 200
    due_at = User.objects.get(pk=dispatcher.pk).second_factor_due_at
    assert due_at is not None
    assert abs(due_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    User.objects.update(second_factor_due_at=timezone.now() - timedelta(seconds=1))
    app = bearer(sign_in(dispatcher))
    assert code_of(app.get(USERS)) == (403, "second_factor_required")
    assert app.post(ENROL, {"password": PASSWORD}, format="json").status_code == 200, "they can still set it up"


def test_a_wearer_has_none(wearer: User, client_of: Any) -> None:
    for url, body in ((GIVE, {"factor_code": "1"}), (ENROL, {"password": PASSWORD}), (CONFIRM, {"factor_code": "1"})):
        assert code_of(client_of(wearer).post(url, body, format="json")) == (409, "conflict")
    assert client_of(wearer).get(ME).json()["second_factor"] is None


def test_where_it_is_switched_off_nobody_is_asked(enrolled: User, settings: Any) -> None:
    settings.DISPATCHER_2FA = False
    assert bearer(sign_in(enrolled)).get(USERS).status_code == 200


def test_an_operator_takes_a_lost_one_away(enrolled: User) -> None:
    with pytest.raises(CommandError, match="--phone"):
        call_command("reset_second_factor", phone="+998900000000")
    call_command("reset_second_factor", phone=str(enrolled.phone_number))
    assert bearer(sign_in(enrolled)).get(USERS).status_code == 200
    assert not RecoveryCode.objects.exists()
    entry = JournalEntry.objects.get(kind="SECOND_FACTOR_RESET")
    assert (entry.actor_id, entry.data) == (None, {"person": enrolled.pk})


def test_nothing_of_it_stays_with_the_erased(enrolled: User, superuser: User) -> None:
    bearer(sign_in(enrolled)).post(GIVE, {"factor_code": "000000"}, format="json")
    given = bearer(bearer(sign_in(enrolled)).post(GIVE, {"factor_code": code_now(enrolled)}, format="json").json())
    bearer(sign_in(enrolled)).post(GIVE, {"factor_code": "000000"}, format="json")
    assert AccessAttempt.objects.filter(username__contains=str(enrolled.phone_number)).exists()
    assert given.delete(ME, {"password": PASSWORD}, format="json").status_code == 204
    assert not AccessAttempt.objects.filter(username__contains=str(enrolled.phone_number)).exists()
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()


# In the browser


def password_given(user: User, then: str = "/console/") -> Client:
    browser = Client()
    body = {"username": str(user.phone_number), "password": PASSWORD}
    answer = browser.post(f"{SIGN_IN}?next={then}", body)
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    return browser


def test_a_browser_gives_it_on_a_second_page(enrolled: User) -> None:
    browser = password_given(enrolled, "/admin/")
    assert browser.get("/console/").status_code == 302
    assert browser.get("/api/v1/console/queue/").status_code == 401
    assert "one-time-code" in browser.get(PAGE).content.decode()
    assert browser.post(PAGE, {"code": "000000"}).status_code == 400
    answer = browser.post(PAGE, {"code": code_now(enrolled)})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert browser.get("/console/").status_code == browser.get("/admin/").status_code == 200


def test_a_browser_sets_one_up_and_shows_the_recovery_codes_once(dispatcher: User) -> None:
    browser = password_given(dispatcher)
    shown = browser.get(PAGE).content.decode()
    assert "<svg" in shown
    assert "style=" not in shown, "the page's policy allows none"
    secret = re.search(r"<code>([A-Z2-7]+)</code>", shown)
    assert secret
    assert secret[1] in browser.get(PAGE).content.decode(), "the same until it is confirmed"
    done = browser.post(PAGE, {"code": code_now(dispatcher, confirmed=False)})
    assert len(re.findall(r"<li><code>[0-9a-f-]{23}</code></li>", done.content.decode())) == 10
    assert browser.get("/console/").status_code == 200
    assert browser.get(PAGE).status_code == 302


def test_who_has_days_of_grace_left_may_do_it_later(dispatcher: User) -> None:
    browser = password_given(dispatcher)
    assert browser.post(PAGE, {"later": "1"}).headers["Location"] == "/console/"
    assert browser.get("/console/").status_code == 200
    User.objects.update(second_factor_due_at=timezone.now() - timedelta(seconds=1))
    late = password_given(dispatcher)
    assert 'name="later"' not in late.get(PAGE).content.decode()
    assert late.post(PAGE, {"later": "1"}).status_code == 400
    assert late.get("/console/").status_code == 302


def test_the_password_waits_ten_minutes(enrolled: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.monitoring.console.factor_page.LASTS_S", -1)
    assert password_given(enrolled).get(PAGE).headers["Location"] == SIGN_IN


def test_a_link_made_at_the_server_signs_in_by_itself(enrolled: User) -> None:
    browser = Client()
    path = "/" + link_for(enrolled).split("/", 3)[3]
    assert browser.post(path).headers["Location"] == "/console/"
    assert browser.get("/console/").status_code == 200


def test_without_a_password_there_is_no_second_page() -> None:
    assert Client().get(PAGE).headers["Location"] == SIGN_IN
    assert Client().post(PAGE, {"code": "000000"}).headers["Location"] == SIGN_IN
