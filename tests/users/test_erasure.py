"""A person who leaves is forgotten, and may come back as somebody new."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db import connections
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient

from apps.users.api.authentication import tokens_for, visitor_of_header
from apps.users.models import Role, Status, User
from apps.users.rules.accounts import AccountErased, change_standing
from apps.users.rules.attachments import StillNeeded
from apps.users.signals import erased, erasing
from tests.users.conftest import CONFIRM, GONE, ME, REFRESH, REGISTER, USERS, post, registration

pytestmark = pytest.mark.django_db


def test_nothing_is_left_of_the_person(person: Any, client_of: Any, sign_in: Any) -> None:
    user = person(role=Role.HELPER, on_duty=True, wants_to_help=True, email="n@example.org", is_superuser=True)
    phone = str(user.phone_number)
    sign_in(user, "wrong")
    answer = client_of(user).delete(ME, GONE, format="json")
    assert (answer.status_code, answer.content) == (204, b"")
    user.refresh_from_db()
    assert (user.phone_number, user.full_name, user.email, user.last_login) == (None, "", None, None)
    assert (user.role, user.status, user.on_duty, user.wants_to_help, user.is_superuser) == (
        "USER", "ERASED", False, False, False,
    )  # fmt: skip
    assert not user.has_usable_password()
    assert not AccessAttempt.objects.filter(username=phone).exists()


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"password": ""},
        {"password": None},
        {"password": ["x"]},
        {"password": "wrong"},
        {"password": "x" * 5000},
    ],
)
def test_without_the_password_nobody_is_erased(body: Any, wearer: User, client_of: Any) -> None:
    answer = client_of(wearer).delete(ME, body, format="json")
    assert (answer.status_code, "password" in answer.json()) == (400, True)
    assert User.objects.present().get() == wearer


def test_who_has_a_token_only_guesses_no_password_at_erasing(wearer: User, client_of: Any) -> None:
    """A wrong one counts as a failed sign-in: soon the right one is not looked at either."""
    client = client_of(wearer)
    answers = [client.delete(ME, {"password": f"guess {number}"}, format="json").status_code for number in range(8)]
    assert answers == sorted(answers)
    assert set(answers) == {400, 429}
    assert client.delete(ME, GONE, format="json").status_code == 429
    assert User.objects.present().get() == wearer


def test_tokens_of_before_are_refused_everywhere(wearer: User, client_of: Any, press: Any, sign_in: Any) -> None:
    client, tokens = client_of(wearer), sign_in(wearer).json()
    phone = str(wearer.phone_number)
    assert client.delete(ME, GONE, format="json").status_code == 204
    for answer in (
        client.delete(ME, GONE, format="json"),
        client.get(ME),
        client.post("/api/v1/sos/trigger/", {}, format="json"),
        client.post("/api/v1/devices/", {"device_uid": "w"}, format="json"),
        post(REFRESH, {"refresh": tokens["refresh"]}),
    ):
        assert answer.status_code == 401
    with pytest.raises(AuthenticationFailed):
        visitor_of_header(f"Bearer {tokens['access']}".encode())
    body = {"phone_number": phone, "sms_code": "123456", "new_password": "another-horse-battery"}
    assert post(CONFIRM, body).status_code == 400


def test_the_phone_may_register_anew(person: Any, client_of: Any) -> None:
    first = person(phone_number="+998907654321")
    person_two = person()
    assert (
        client_of(first).delete(ME, GONE, format="json").status_code
        == client_of(person_two).delete(ME, GONE, format="json").status_code
        == 204
    )
    answer = post(REGISTER, registration())
    assert answer.status_code == 201
    assert answer.json()["user"]["uuid"] != str(first.uuid)


def test_dispatchers_do_not_meet_the_erased(wearer: User, dispatcher: User, client_of: Any) -> None:
    client_of(wearer).delete(ME, GONE, format="json")
    admin, url = client_of(dispatcher), f"{USERS}{wearer.uuid}/"
    assert [one["uuid"] for one in admin.get(USERS).json()["results"]] == [str(dispatcher.uuid)]
    assert admin.get(url).status_code == 404
    assert admin.patch(url, {"status": "ACTIVE"}, format="json").status_code == 404
    wearer.refresh_from_db()
    assert wearer.status == Status.ERASED


def test_a_decision_that_comes_too_late_revives_nobody(wearer: User, client_of: Any) -> None:
    stale = User.objects.get(pk=wearer.pk)
    client_of(wearer).delete(ME, GONE, format="json")
    with pytest.raises(AccountErased):
        change_standing(stale, status=Status.ACTIVE)


def test_who_is_still_needed_is_not_erased(wearer: User, client_of: Any) -> None:
    def refuse(user: User, **_: Any) -> None:
        raise StillNeeded("Your SOS is open.")

    erasing.connect(refuse)
    try:
        answer = client_of(wearer).delete(ME, GONE, format="json")
    finally:
        erasing.disconnect(refuse)
    assert (answer.status_code, answer.json()) == (409, {"detail": "Your SOS is open.", "code": "conflict"})
    assert client_of(wearer).get(ME).json()["full_name"] == wearer.full_name


def test_an_open_sos_keeps_its_wearer(wearer: User, client_of: Any, press: Any) -> None:
    press(wearer)
    assert client_of(wearer).delete(ME, GONE, format="json").status_code == 409


def test_other_apps_hear_of_it_and_can_undo_it(wearer: User, client_of: Any) -> None:
    def fail(user: User, **_: Any) -> None:
        assert (user.status, user.phone_number) == ("ERASED", None)
        raise RuntimeError("could not erase mine")

    erased.connect(fail)
    try:
        assert client_of(wearer).delete(ME, GONE, format="json").status_code == 500
    finally:
        erased.disconnect(fail)
    assert client_of(wearer).get(ME).json()["full_name"] == wearer.full_name


def test_the_last_dispatcher_is_not_erased(dispatcher: User, person: Any, client_of: Any) -> None:
    answer = client_of(dispatcher).delete(ME, GONE, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    person(role=Role.ADMIN)
    assert client_of(dispatcher).delete(ME, GONE, format="json").status_code == 204


def test_only_a_bearer_erases_and_only_themselves(wearer: User, dispatcher: User, client_of: Any) -> None:
    assert client_of().delete(ME, GONE, format="json").status_code == 401
    assert client_of(dispatcher).delete(f"{USERS}{wearer.uuid}/").status_code == 405
    assert User.objects.present().count() == 2


@pytest.mark.django_db(transaction=True)
def test_erased_twice_at_once_is_erased_once(wearer: User) -> None:
    heard: list[User] = []

    def note(user: User, **_: Any) -> None:
        heard.append(user)

    access = tokens_for(wearer)["access"]

    def erase(_: int) -> int:
        try:
            client = APIClient()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
            return int(client.delete(ME, GONE, format="json").status_code)
        finally:
            connections.close_all()

    erased.connect(note)
    try:
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(erase, range(3)))
    finally:
        erased.disconnect(note)
    assert (answers.count(204), len(heard)) == (1, 1)
    assert set(answers) <= {204, 401, 404}
