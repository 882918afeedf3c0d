"""Wrong passwords lock a phone or an address for a while, and nothing else."""

import logging
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from axes.models import AccessAttempt, AccessLog
from django.db import OperationalError, connection
from django.db.models import F, Sum
from django.test import Client
from django.utils import timezone

from apps.users.api.authentication import tokens_for
from apps.users.models import PasswordTry, Registration, Status, User
from apps.users.rules.limits import WAIT_GROWS_S, WAIT_MOST_S
from apps.users.tasks import flush_expired_tokens
from tests.conftest import PASSWORD
from tests.users.conftest import CHANGE, LOGIN, ME, REGISTER, at_once, post, registration

pytestmark = pytest.mark.django_db


def failures() -> int:
    return int(AccessAttempt.objects.aggregate(n=Sum("failures_since_start"))["n"] or 0)


def make_older(seconds: float, **which: Any) -> None:
    attempts = AccessAttempt.objects.filter(**which)
    assert attempts.update(attempt_time=F("attempt_time") - timedelta(seconds=seconds))


def assert_locked(answer: Any, least: int, most: int) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert least <= int(answer.headers["Retry-After"]) <= most


def test_five_failures_lock_the_phone_and_the_lock_ends_by_itself(wearer: User, sign_in: Any) -> None:
    assert [sign_in(wearer, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    assert_locked(sign_in(wearer), 50, 60)
    assert failures() == 5
    make_older(50)
    assert_locked(sign_in(wearer), 1, 10)
    make_older(10)
    assert sign_in(wearer).status_code == 200


def test_each_failure_beyond_them_waits_twice_as_long_up_to_a_quarter_of_an_hour(wearer: User, sign_in: Any) -> None:
    for _ in range(5):
        sign_in(wearer, "wrong")
    for wait_s in (60, 120, 240, 480, 900):
        assert_locked(sign_in(wearer), wait_s - 10, wait_s)
        if wait_s < 900:
            make_older(wait_s)
            assert sign_in(wearer, "wrong").status_code == 401
    make_older(901)
    assert sign_in(wearer, "wrong").status_code == 401, "it begins anew"
    assert sign_in(wearer).status_code == 200


def test_unknown_phone_locks_alike() -> None:
    body = {"phone_number": "+998901111111", "password": "wrong"}
    assert [post(LOGIN, body).status_code for _ in range(6)] == [401] * 5 + [429]


def test_every_spelling_and_address_of_a_phone_count_together(person: Any, sign_in: Any) -> None:
    user = person(phone_number="+998907654321")
    spellings = ("+998 90 765-43-21", "998907654321", "90 765 43 21", "+998907654321", "(90) 7654321")
    for last, spelling in enumerate(spellings):
        post(LOGIN, {"phone_number": spelling, "password": "wrong"}, REMOTE_ADDR=f"10.0.0.{last}")
    assert_locked(sign_in(user, REMOTE_ADDR="10.0.0.99"), 50, 60)


def test_another_phone_behind_the_address_is_not_locked(wearer: User, person: Any, sign_in: Any) -> None:
    for _ in range(6):
        sign_in(wearer, "wrong")
    assert sign_in(person()).status_code == 200


def test_the_browser_makes_no_difference_and_is_not_kept(wearer: User, sign_in: Any) -> None:
    for n in range(5):
        sign_in(wearer, "wrong", HTTP_USER_AGENT=f"agent {n}", HTTP_X_FORWARDED_FOR=f"10.9.9.{n}")
    attempt = AccessAttempt.objects.get()
    assert (attempt.user_agent, attempt.ip_address, attempt.failures_since_start) == ("", "127.0.0.1", 5)


def test_an_address_that_tries_many_phones_is_locked(person: Any, sign_in: Any, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 4
    people = [person() for _ in range(5)]
    for user in people[:4]:
        assert sign_in(user, "wrong", REMOTE_ADDR="10.0.0.1").status_code == 401
    assert_locked(sign_in(people[4], REMOTE_ADDR="10.0.0.1"), 800, 900)
    assert sign_in(people[4], REMOTE_ADDR="10.0.0.2").status_code == 200
    make_older(600, username=str(people[0].phone_number))
    assert_locked(sign_in(people[4], REMOTE_ADDR="10.0.0.1"), 200, 300)


def test_success_forgets_the_phones_failures(wearer: User, sign_in: Any) -> None:
    for _ in range(2):
        for _ in range(4):
            assert sign_in(wearer, "wrong").status_code == 401
        assert sign_in(wearer).status_code == 200
    assert failures() == 0
    assert not AccessLog.objects.exists()


def test_an_own_account_does_not_help_whoever_tries_others(person: Any, sign_in: Any, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 4
    own = person()
    for _ in range(4):
        sign_in(person(), "wrong")
        last = sign_in(own)
    assert_locked(last, 800, 900)


@pytest.mark.parametrize("address", ["2001:db8:1:2::{}", "::ffff:10.0.0.1"])
def test_one_person_s_ipv6_addresses_count_together(person: Any, sign_in: Any, settings: Any, address: str) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 3
    for n in range(1, 4):
        sign_in(person(), "wrong", REMOTE_ADDR=address.format(n))
    assert sign_in(person(), REMOTE_ADDR=address.format(9)).status_code == 429
    assert sign_in(person(), REMOTE_ADDR="2001:db8:1:3::1").status_code == 200


@pytest.mark.parametrize("address", ["", "unix", "testclient"])
def test_an_unknown_address_locks_nobody_else(person: Any, sign_in: Any, settings: Any, address: str) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 2
    for _ in range(3):
        assert sign_in(person(), "wrong", REMOTE_ADDR=address).status_code == 401


def test_try_that_fails_while_it_is_counted_counts_once(wearer: User, sign_in: Any, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PHONE = 2
    PasswordTry.objects.create(phone=str(wearer.phone_number), began_at=timezone.now())

    def fail_midway(execute: Any, statement: str, *others: Any) -> Any:
        if 'FROM "axes_accessattempt"' in statement and PasswordTry.objects.exists():
            PasswordTry.objects.all().delete()
            AccessAttempt.objects.create(username=str(wearer.phone_number), failures_since_start=1)
        return execute(statement, *others)

    with connection.execute_wrapper(fail_midway):
        assert sign_in(wearer, "wrong").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_wrong_passwords_at_once_are_all_counted(wearer: User, sign_in: Any, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PHONE = 20
    assert at_once(20, lambda n: sign_in(wearer, "wrong")) == {401: 20}
    assert failures() == 20
    assert sign_in(wearer).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_of_sixty_passwords_at_once_five_are_looked_at(wearer: User, sign_in: Any) -> None:
    answers = at_once(60, lambda n: sign_in(wearer, f"wrong {n}", REMOTE_ADDR=f"10.0.0.{n}"))
    assert (answers.keys(), answers.total(), answers[401] <= 5) == ({401, 429}, 60, True)
    assert failures() == answers[401]
    assert_locked(sign_in(wearer), 50, 60)


def test_right_passwords_under_way_lock_no_address(person: Any, sign_in: Any, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 2
    for _ in range(3):
        PasswordTry.objects.create(phone=str(person().phone_number), began_at=timezone.now())
    assert sign_in(person()).status_code == 200


def test_a_try_whose_process_died_counts_for_a_minute(wearer: User, sign_in: Any) -> None:
    for _ in range(5):
        PasswordTry.objects.create(phone=str(wearer.phone_number), began_at=timezone.now())
    assert_locked(sign_in(wearer), 1, 1)
    PasswordTry.objects.update(began_at=timezone.now() - timedelta(seconds=61))
    assert sign_in(wearer).status_code == 200
    flush_expired_tokens()
    assert not PasswordTry.objects.exists()


def test_right_passwords_that_open_nothing_count_for_nothing(wearer: User, person: Any, sign_in: Any) -> None:
    banned = person(status=Status.BANNED)
    for _ in range(6):
        assert sign_in(banned).json()["code"] == "banned"
        body = {"old_password": PASSWORD, "new_password": "weak"}
        assert post(CHANGE, body, tokens_for(wearer)["access"]).status_code == 400
        door = Client().post("/console/sign-in/", {"username": str(wearer.phone_number), "password": PASSWORD})
        assert door.status_code == 200, "no dispatcher"
    assert not PasswordTry.objects.exists()


def test_a_password_that_could_not_be_looked_at_counts_for_nothing(wearer: User, sign_in: Any) -> None:
    with mock.patch.object(User, "check_password", side_effect=OperationalError("the connection is lost")):
        for _ in range(6):
            assert sign_in(wearer).status_code == 503
    assert sign_in(wearer).status_code == 200


def test_a_locked_phone_still_calls_for_help(wearer: User, sign_in: Any, client_of: Any, press: Any) -> None:
    client = client_of(wearer)
    for _ in range(6):
        sign_in(wearer, "wrong")
    assert press(wearer).status_code == 201
    client.post("/api/v1/devices/", {"device_uid": "w-1"}, format="json")
    for _ in range(20):
        fix = {"lat": 41.3, "lon": 69.2}
        assert client.post("/api/v1/devices/w-1/location/", fix, format="json").status_code == 201
    assert client.get(ME).status_code == 200
    body = {"old_password": PASSWORD, "new_password": "another-horse-battery"}
    assert client.post(CHANGE, body, format="json").status_code == 429


def test_no_phone_and_no_address_in_the_logs(wearer: User, sign_in: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for password in ["wrong"] * 6 + [PASSWORD]:
        sign_in(wearer, password, REMOTE_ADDR="10.1.2.3")
    said = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db"))
    assert "failure" in said
    assert str(wearer.phone_number)[4:] not in said
    assert "10.1.2.3" not in said


def test_a_dispatcher_s_door_has_the_same_lock(dispatcher: User, sign_in: Any, settings: Any) -> None:
    settings.DISPATCHER_2FA = False
    door = "/console/sign-in/?next=/admin/"
    typed = str(dispatcher.phone_number).removeprefix("+")
    for _ in range(3):
        sign_in(dispatcher, "wrong")
    for _ in range(2):
        assert Client().post(door, {"username": typed, "password": "wrong"}).status_code == 200
    refused = Client().post(door, {"username": typed, "password": PASSWORD})
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert "слишком много попыток" in refused.content.decode()
    assert_locked(sign_in(dispatcher), 50, 60)
    make_older(901)
    entered = Client().post(door, {"username": typed, "password": PASSWORD})
    assert (entered.status_code, entered.headers["Location"]) == (302, "/admin/")
    assert failures() == 0


# Accounts made from one address


def register(n: int, address: str = "10.0.0.1", **changes: Any) -> Any:
    return post(REGISTER, registration(phone_number=f"+99890765{n:04d}", **changes), REMOTE_ADDR=address)


def made_earlier(count: int, seconds_ago: float, address: str = "10.0.0.1") -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Registration.objects.bulk_create(Registration(address=address, at=at) for _ in range(count))


def time_passes(seconds: float) -> None:
    Registration.objects.update(at=F("at") - timedelta(seconds=seconds))


def test_twenty_accounts_an_hour_are_taken_and_the_next_waits() -> None:
    made_earlier(19, 60)
    assert register(1).status_code == 201
    assert_locked(register(2), WAIT_GROWS_S - 20, WAIT_GROWS_S)
    assert User.objects.count() == 1
    time_passes(WAIT_GROWS_S)
    assert register(2).status_code == 201


def test_each_account_beyond_waits_longer_than_the_one_before(settings: Any) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 2
    assert [register(n).status_code for n in (1, 2)] == [201, 201]
    for n in range(1, 4):
        assert_locked(register(n + 2), n * WAIT_GROWS_S - 20, n * WAIT_GROWS_S)
        time_passes(n * WAIT_GROWS_S)
        assert register(n + 2).status_code == 201


def test_an_account_is_always_possible_ten_minutes_after_the_last() -> None:
    made_earlier(500, 10)
    assert_locked(register(1), WAIT_MOST_S - 40, WAIT_MOST_S - 10)
    assert_locked(register(2), 1, WAIT_MOST_S - 10)
    time_passes(WAIT_MOST_S - 10)
    assert register(1).status_code == 201


def test_after_an_hour_all_is_as_before() -> None:
    made_earlier(500, 3601)
    assert register(1).status_code == 201
    flush_expired_tokens()
    assert Registration.objects.count() == 1


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8:1:2::{}", "::ffff:10.0.0.1"])
def test_addresses_are_counted_as_for_sign_ins(settings: Any, address: str) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 3
    assert [register(n, address.format(n)).status_code for n in range(1, 5)] == [201] * 3 + [429]
    assert register(5, "10.0.0.2").status_code == 201
    assert register(6, "2001:db8:1:3::1").status_code == 201


@pytest.mark.parametrize("address", ["", "unix", "testclient"])
def test_whoever_comes_from_nowhere_is_not_counted(settings: Any, address: str) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 1
    assert [register(n, address).status_code for n in range(3)] == [201] * 3
    assert not Registration.objects.exists()


def test_only_accounts_that_were_made_and_numbers_that_were_tried_count(settings: Any) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 3
    assert register(1).status_code == 201
    assert "phone_number" in register(1).json()
    for _ in range(3):
        assert "password" in register(2, password="short", password2="short").json()
    with mock.patch("apps.users.rules.accounts.register_user", side_effect=OperationalError("the connection is lost")):
        assert register(2).status_code == 503
    assert Registration.objects.count() == 2
    assert register(2).status_code == 201


def test_wrong_fields_are_named_while_waiting_too(settings: Any) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 1
    assert register(1).status_code == 201
    assert register(2, full_name=5).status_code == 400
    assert register(2).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_of_many_accounts_at_once_no_more_are_taken(settings: Any) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 3
    assert at_once(12, register) == {201: 3, 429: 9}
    assert (User.objects.count(), Registration.objects.count()) == (3, 3)


def test_an_address_that_waits_still_signs_in_and_calls_for_help(
    wearer: User, sign_in: Any, press: Any, settings: Any
) -> None:
    settings.REGISTRATIONS_PER_ADDRESS = 1
    assert [register(n, "127.0.0.1").status_code for n in (1, 2)] == [201, 429]
    assert sign_in(wearer).status_code == 200
    assert press(wearer).status_code == 201


def test_no_address_of_a_registration_in_the_logs(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings.REGISTRATIONS_PER_ADDRESS = 1
    assert [register(n, "10.1.2.3").status_code for n in (1, 2)] == [201, 429]
    said = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db"))
    assert "10.1.2.3" not in said
