"""A person's apps: listed, rung, let go; never anybody else's."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from apps.notifications.models import Notification, PushToken
from apps.notifications.rules.queueing import PUSH_TOKENS_MOST, save_push_token
from apps.notifications.tasks import retire_push_tokens
from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import Status, User
from apps.users.rules.accounts import change_password, change_standing
from apps.users.rules.sessions import hold_session
from apps.users.rules.tokens import AccessToken, session_of
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
URL = "/api/v1/push-tokens/"
BODY = {"token": "a-secret-token", "platform": "ANDROID"}
DAYS_60 = timedelta(days=60, seconds=1)


def age(by: timedelta) -> None:
    PushToken.objects.update(refreshed_at=timezone.now() - by)


@pytest.fixture
def signed_in(wearer: User, client_of: Any) -> Any:
    """Signs the wearer in on a phone that hands over its push token; gives a client and the refresh token."""

    def sign_in(push_token: str) -> tuple[Any, str]:
        login = {"phone_number": str(wearer.phone_number), "password": PASSWORD}
        tokens = client_of().post("/api/v1/auth/login/", login, format="json").json()
        client = client_of()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        client.post(URL, BODY | {"token": push_token}, format="json")
        return client, tokens["refresh"]

    return sign_in


def sign_out(client: Any, refresh: str, **more: Any) -> int:
    return int(client.post("/api/v1/auth/logout/", {"refresh": refresh} | more, format="json").status_code)


def with_access(client: Any, tokens: dict[str, str]) -> Any:
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return client


def ringing() -> set[str]:
    return {one.token for one in PushToken.objects.all()}


def test_signing_out_takes_that_phones_token_along_and_no_others(signed_in: Any) -> None:
    lost, refresh = signed_in("lost phone")
    signed_in("kept phone")
    for _ in range(2):
        assert sign_out(lost, refresh) == 204
        assert [one.token for one in PushToken.objects.all()] == ["kept phone"]


def test_access_tokens_made_later_belong_to_the_same_sign_in(signed_in: Any, client_of: Any) -> None:
    client, refresh = signed_in("first token")
    access = client_of().post("/api/v1/auth/refresh/", {"refresh": refresh}, format="json").json()["access"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    client.post(URL, BODY | {"token": "changed by Firebase"}, format="json")
    sign_out(client, refresh)
    assert not PushToken.objects.exists()


def test_phone_handed_to_somebody_else_keeps_ringing_for_them(signed_in: Any, person: Any) -> None:
    client, refresh = signed_in("family phone")
    save_push_token(person(), "family phone", "ANDROID")
    sign_out(client, refresh)
    assert PushToken.objects.count() == 1


def test_tokens_given_without_a_named_sign_in_stay(signed_in: Any, wearer: User) -> None:
    save_push_token(wearer, "from before", "ANDROID")
    sign_out(*signed_in("phone"))
    assert [one.token for one in PushToken.objects.all()] == ["from before"]


def test_app_may_name_its_token_when_it_signs_out(signed_in: Any, wearer: User, person: Any) -> None:
    for owner, token in ((wearer, "from before"), (wearer, "other phone"), (person(), "anothers")):
        save_push_token(owner, token, "ANDROID")
    client, refresh = signed_in("phone")
    assert sign_out(client, refresh, push_token="anothers") == 204
    assert ringing() == {"from before", "other phone", "anothers"}
    client, refresh = signed_in("phone")
    assert sign_out(client, refresh, push_token=5) == 400
    assert sign_out(client, refresh, push_token="from before") == 204
    assert ringing() == {"other phone", "anothers"}


def test_app_that_was_signed_out_cannot_hand_its_token_over_again(signed_in: Any) -> None:
    client, refresh = signed_in("phone")
    sign_out(client, refresh)
    answer = client.post(URL, BODY | {"token": "phone"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert ringing() == set()


def test_new_password_silences_the_other_phones_and_the_callers_rings_on(signed_in: Any) -> None:
    stolen, _ = signed_in("stolen phone")
    mine, _ = signed_in("my phone")
    for old, new in ((PASSWORD, "another-horse-battery"), ("another-horse-battery", "third-horse-battery")):
        body = {"old_password": old, "new_password": new}
        tokens = mine.post("/api/v1/auth/password/change/", body, format="json").json()
        assert ringing() == {"my phone"}
        with_access(mine, tokens)
    assert stolen.post(URL, BODY | {"token": "stolen phone"}, format="json").status_code == 401
    assert mine.post(URL, BODY | {"token": "my phone"}, format="json").status_code == 200
    sign_out(mine, tokens["refresh"])
    assert ringing() == set()


def test_password_set_by_a_code_or_a_dispatcher_silences_every_phone(signed_in: Any, wearer: User) -> None:
    signed_in("phone")
    change_password(User.objects.get(pk=wearer.pk), "another-horse-battery")
    assert ringing() == set()


def test_banned_persons_phone_still_hears_that_help_comes(signed_in: Any, wearer: User) -> None:
    signed_in("phone")
    change_standing(wearer, status=Status.BANNED)
    assert ringing() == {"phone"}


@pytest.mark.django_db(transaction=True)
def test_token_handed_over_while_signing_out_goes_too(signed_in: Any, wearer: User) -> None:
    client, refresh = signed_in("phone")
    access = AccessToken(client._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold_session(access, wearer)
            signing_out = pool.submit(_then_close, sign_out, client, refresh)
            _wait_until_somebody_waits_or(signing_out.done)
            save_push_token(wearer, "late", "IOS", session_of(access))
        assert signing_out.result(10) == 204
    assert ringing() == set()


def _then_close(step: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return step(*arguments, **named)
    finally:
        connections.close_all()


def _wait_until_somebody_waits_or(is_over: Any) -> None:
    """Until another transaction waits for a lock of this one."""
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while not is_over() and time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            if cursor.fetchone()[0]:
                return


def test_own_apps_are_listed_without_their_tokens(wearer: User, person: Any, client_of: Any) -> None:
    kept = client_of(wearer).post(URL, BODY, format="json").json()
    save_push_token(person(), "of-somebody-else", "IOS")
    answer = client_of(wearer).get(URL)
    assert (answer.status_code, answer.json()["count"]) == (200, 1)
    (shown,) = answer.json()["results"]
    assert set(shown) == {"id", "platform", "created_at", "refreshed_at"}
    assert (shown["id"], shown["platform"]) == (kept["id"], "ANDROID")
    assert shown["created_at"].endswith("Z")
    assert BODY["token"] not in answer.content.decode()


def test_same_token_again_is_refreshed_not_doubled(wearer: User, client_of: Any) -> None:
    first = client_of(wearer).post(URL, BODY, format="json")
    age(timedelta(days=59))
    again = client_of(wearer).post(URL, BODY | {"platform": "IOS"}, format="json")
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    (shown,) = client_of(wearer).get(URL).json()["results"]
    assert shown["platform"] == "IOS"
    assert shown["refreshed_at"] > shown["created_at"]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"token": ...}, {"token"}),
        ({"token": ""}, {"token"}),
        ({"token": None}, {"token"}),
        ({"token": 5}, {"token"}),
        ({"token": ["a"]}, {"token"}),
        ({"token": "x" * 1025}, {"token"}),
        ({"token": "a\x00b"}, {"token"}),
        ({"platform": ...}, {"platform"}),
        ({"platform": "NOKIA"}, {"platform"}),
        ({"platform": {}}, {"platform"}),
        ({"token": 5, "platform": "IOS"}, {"token"}),
    ],
    ids=repr,
)
def test_wrong_fields_are_named(wearer: User, client_of: Any, changes: dict[str, Any], wrong: set[str]) -> None:
    body = {key: value for key, value in (BODY | changes).items() if value is not ...}
    answer = client_of(wearer).post(URL, body, format="json")
    assert answer.status_code == 400
    assert answer.json().keys() == {"detail", "code"} | wrong
    assert not PushToken.objects.exists()


def test_longest_token_fits(wearer: User, client_of: Any) -> None:
    assert client_of(wearer).post(URL, BODY | {"token": "x" * 1024}, format="json").status_code == 201


def test_app_let_go_rings_no_more_and_is_gone_the_second_time(wearer: User, client_of: Any) -> None:
    kept = client_of(wearer).post(URL, BODY, format="json").json()
    answer = client_of(wearer).delete(f"{URL}{kept['id']}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not PushToken.objects.exists()
    assert client_of(wearer).delete(f"{URL}{kept['id']}/").status_code == 404


def test_anothers_app_does_not_exist(wearer: User, person: Any, client_of: Any) -> None:
    token, _ = save_push_token(wearer, "mine", "IOS")
    stranger = client_of(person())
    for address in (f"{token.pk}", "0", f"{10**30}", "abc", "-1", "1.5"):
        answer = stranger.delete(f"{URL}{address}/")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert PushToken.objects.filter(user=wearer).exists()


def test_nothing_without_an_account(client_of: Any) -> None:
    nobody = client_of()
    for answer in (nobody.get(URL), nobody.post(URL, BODY, format="json"), nobody.delete(f"{URL}1/")):
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_methods_that_make_no_sense_are_refused(wearer: User, client_of: Any) -> None:
    assert client_of(wearer).put(URL, BODY, format="json").status_code == 405
    assert client_of(wearer).get(f"{URL}1/").status_code == 405


@pytest.mark.parametrize("size", ["0", "201", "many", "-1"])
def test_wrong_page_size_is_named(wearer: User, client_of: Any, size: str) -> None:
    answer = client_of(wearer).get(URL, {"page_size": size})
    assert (answer.status_code, "page_size" in answer.json()) == (400, True)


def test_app_silent_for_60_days_is_retired(wearer: User, client_of: Any) -> None:
    save_push_token(wearer, "old", "IOS")
    age(DAYS_60)
    save_push_token(wearer, "fresh", "IOS")
    assert client_of(wearer).get(URL).json()["count"] == 1
    retire_push_tokens()
    assert [token.token for token in PushToken.objects.all()] == ["fresh"]


def test_helper_whose_app_is_silent_for_60_days_is_not_called(wearer: User, helper: Any, press: Any) -> None:
    helper(100)
    age(DAYS_60)
    reachable = helper(200)
    press(wearer)
    take_due_step(SosEvent.objects.get().pk)
    assert [alert.helper for alert in HelperAlert.objects.all()] == [reachable]
    assert [one.user for one in Notification.objects.filter(kind="SOS_ALERT")] == [reachable]


# More phones than anybody has


@pytest.fixture
def crowded(wearer: User) -> User:
    """The wearer, with as many apps as one may have; `app 0` was refreshed first."""
    for n in range(PUSH_TOKENS_MOST):
        save_push_token(wearer, f"app {n}", "ANDROID")
    assert len(ringing()) == PUSH_TOKENS_MOST
    return wearer


def test_with_one_too_many_the_longest_unused_goes_and_the_phone_is_taken(
    crowded: User, client_of: Any, person: Any
) -> None:
    save_push_token(person(), "anothers", "IOS")
    client = client_of(crowded)
    assert client.post(URL, BODY | {"token": "app 0"}, format="json").status_code == 200
    assert client.post(URL, BODY | {"token": "new"}, format="json").status_code == 201
    assert client.get(URL).json()["count"] == PUSH_TOKENS_MOST
    assert ringing() == {"app 0", *(f"app {n}" for n in range(2, PUSH_TOKENS_MOST)), "new", "anothers"}


def test_phone_that_comes_from_somebody_else_counts_too(crowded: User, client_of: Any, person: Any) -> None:
    save_push_token(person(), "family phone", "IOS")
    assert client_of(crowded).post(URL, BODY | {"token": "family phone"}, format="json").status_code == 200
    assert ringing() == {*(f"app {n}" for n in range(1, PUSH_TOKENS_MOST)), "family phone"}


def test_refusals_take_nobodys_place(crowded: User, client_of: Any) -> None:
    client, before = client_of(crowded), ringing()
    for wrong in ({"token": 5}, {"token": "x" * 1025}, {"platform": "NOKIA"}):
        assert client.post(URL, BODY | wrong, format="json").status_code == 400
    assert client_of().post(URL, BODY, format="json").status_code == 401
    assert ringing() == before


def test_those_from_before_the_limit_go_with_the_next(wearer: User, client_of: Any) -> None:
    PushToken.objects.bulk_create(PushToken(user=wearer, token=f"old {n}", platform="IOS") for n in range(50))
    client_of(wearer).post(URL, BODY | {"token": "new"}, format="json")
    assert len(ringing()) == PUSH_TOKENS_MOST
    assert "new" in ringing()


@pytest.mark.django_db(transaction=True)
def test_many_phones_at_once_are_all_taken_and_no_more_stay(crowded: User, client_of: Any) -> None:
    client = client_of(crowded)

    def hand_over(n: int) -> int:
        answer = _then_close(client.post, URL, BODY | {"token": f"new {n}"}, format="json")
        return int(answer.status_code)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(hand_over, range(18))) == {201}
    assert len(ringing()) == PUSH_TOKENS_MOST
    assert {f"new {n}" for n in range(18)} <= ringing()
