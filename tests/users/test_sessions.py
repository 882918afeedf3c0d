"""Where somebody is signed in, signing out there or everywhere, and what the database knows of it."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.monitoring.console.links import link_for
from apps.notifications.models import PushToken
from apps.users.models import BrowserSession, Role, Session, User
from apps.users.rules.accounts import change_standing
from tests.conftest import PASSWORD
from tests.users.conftest import CHANGE, LOGIN, ME, REFRESH, at_once, post

pytestmark = pytest.mark.django_db
SESSIONS = "/api/v1/auth/sessions/"


@pytest.fixture
def app(wearer: User) -> Any:
    """Signs the wearer in with an app of some name; a client with the new access token, and the tokens."""

    def sign_in(name: str) -> tuple[APIClient, dict[str, str]]:
        body = {"phone_number": str(wearer.phone_number), "password": PASSWORD}
        tokens = post(LOGIN, body, HTTP_USER_AGENT=name).json()
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}"), tokens

    return sign_in


def signed_in(client: APIClient) -> bool:
    return bool(client.get(ME).status_code == 200)


def can_refresh(tokens: dict[str, str]) -> bool:
    return bool(post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 200)


def test_each_sign_in_is_listed_with_what_the_app_says_it_is(app: Any) -> None:
    app("MDD/1.4 (Android)")
    mine, _ = app("MDD/1.5 (iOS)" + "x" * 500)
    first, second = mine.get(SESSIONS).json()
    assert (first["client"][:13], len(first["client"]), first["is_current"]) == ("MDD/1.5 (iOS)", 200, True)
    assert (second["client"], second["kind"], second["is_current"]) == ("MDD/1.4 (Android)", "APP", False)
    assert second["created_at"] <= first["created_at"] < first["expires_at"]


def test_a_dispatcher_s_browser_is_listed_too(dispatcher: User, client_of: Any) -> None:
    browser = Client()
    browser.force_login(dispatcher)
    (shown,) = browser.get(SESSIONS).json()
    assert (shown["kind"], shown["is_current"]) == ("BROWSER", True)
    assert client_of(dispatcher).delete(f"{SESSIONS}{shown['id']}/").status_code == 204
    assert browser.get("/console/").status_code == 302


def test_signing_out_there_takes_effect_at_once_and_once(app: Any) -> None:
    mine, my_tokens = app("mine")
    lost, lost_tokens = app("lost")
    lost.post("/api/v1/push-tokens/", {"token": "lost", "platform": "IOS"}, format="json")
    its_id = next(one["id"] for one in mine.get(SESSIONS).json() if one["client"] == "lost")
    assert [mine.delete(f"{SESSIONS}{its_id}/").status_code for _ in range(2)] == [204, 404]
    assert (signed_in(lost), can_refresh(lost_tokens)) == (False, False)
    assert (signed_in(mine), can_refresh(my_tokens)) == (True, True)
    assert not PushToken.objects.exists()


def test_nobody_signs_another_out_of_theirs(app: Any, client_of: Any, person: Any) -> None:
    theirs, _ = app("theirs")
    its_id = theirs.get(SESSIONS).json()[0]["id"]
    assert client_of(person()).delete(f"{SESSIONS}{its_id}/").status_code == 404
    assert signed_in(theirs)


def test_signing_out_everywhere_ends_every_token_but_the_watches(app: Any, wearer: User) -> None:
    (one, tokens), (other, _) = app("one"), app("other")
    one.post("/api/v1/devices/", {"device_uid": "w-1"}, format="json")
    watch = APIClient(HTTP_AUTHORIZATION=f"Bearer {one.post('/api/v1/devices/w-1/token/').json()['token']}")
    assert other.delete(SESSIONS).status_code == 204
    assert (signed_in(one), signed_in(other), can_refresh(tokens)) == (False, False, False)
    assert watch.patch("/api/v1/devices/w-1/status/", {}, format="json").status_code == 200
    assert signed_in(app("again")[0])


def test_a_new_password_ends_the_other_tokens_and_goes_on_in_its_own_session(app: Any) -> None:
    (mine, before), (other, _) = app("mine"), app("other")
    body = {"old_password": PASSWORD, "new_password": "another-horse-battery"}
    tokens = post(CHANGE, body, before["access"]).json()
    assert (signed_in(mine), signed_in(other), can_refresh(before)) == (False, False, False)
    now = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert (signed_in(now), can_refresh(tokens)) == (True, True)
    assert [one["client"] for one in now.get(SESSIONS).json()] == ["mine"]


def test_who_loses_the_role_of_a_dispatcher_is_signed_out(person: Any, dispatcher: User, sign_in: Any) -> None:
    person(role=Role.ADMIN)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {sign_in(dispatcher).json()['access']}")
    change_standing(dispatcher, role=Role.HELPER)
    assert not signed_in(client)


def test_who_becomes_a_helper_stays_signed_in(app: Any, wearer: User) -> None:
    mine, _ = app("mine")
    change_standing(User.objects.get(pk=wearer.pk), role=Role.HELPER)
    assert signed_in(mine)


def test_tokens_of_before_the_versions_are_of_the_first(client_of: Any, wearer: User) -> None:
    client = client_of(wearer)  # without version and session
    assert signed_in(client)
    User.objects.filter(pk=wearer.pk).update(token_version=1)
    assert not signed_in(client)


def test_the_database_holds_nothing_that_signs_anybody_in(app: Any, dispatcher: User) -> None:
    _, tokens = app("mine")
    browser = Client()
    browser.force_login(dispatcher)
    key = browser.cookies[settings.SESSION_COOKIE_NAME].value
    ticket = link_for(dispatcher).rstrip("/").rpartition("/")[2]
    with connection.cursor() as cursor:
        for table in (Session._meta.db_table, BrowserSession._meta.db_table):
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
            held = cursor.fetchone()[0]
            assert held
            for secret in (tokens["refresh"], tokens["access"], tokens["refresh"].rpartition(".")[2], key, ticket):
                assert secret not in held
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = BrowserSession.objects.get(user=dispatcher).session_key
    assert thief.get("/console/").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_ending_the_same_session_many_times_at_once(app: Any) -> None:
    (mine, _), (_, _) = app("mine"), app("other")
    its_id = next(one["id"] for one in mine.get(SESSIONS).json() if not one["is_current"])
    assert at_once(12, lambda _: mine.delete(f"{SESSIONS}{its_id}/")) == {204: 1, 404: 11}
