"""Registration, one's own account, and the first dispatcher."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections
from rest_framework.test import APIClient

from apps.devices.models import HelperPosition
from apps.sos.models import JournalEntry
from apps.users.models import Role, Status, User
from apps.users.rules.accounts import change_own_account
from tests.users.conftest import (
    CHANGE,
    CONFIRM,
    LOGIN,
    LOGOUT,
    ME,
    NO_OBJECTS,
    REFRESH,
    REGISTER,
    RESET,
    post,
    registration,
)

pytestmark = pytest.mark.django_db


SPELLINGS = ["+998907654321", "998907654321", "907654321", "(90) 765 43 21", "+998(90)765.43.21", "00998907654321"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_phone_is_kept_in_one_form_and_once(spelling: str) -> None:
    assert post(REGISTER, registration(phone_number=spelling)).json()["user"]["phone_number"] == "+998907654321"
    again = post(REGISTER, registration())
    assert again.status_code == 400
    assert again.json() == {
        "detail": "Some fields are wrong.",
        "code": "invalid",
        "phone_number": ["This phone number is already registered."],
    }


def test_everybody_starts_as_a_wearer_whatever_they_send() -> None:
    answer = post(REGISTER, registration(role="ADMIN", status="BANNED", is_superuser=True, wants_to_help=True))
    assert (answer.json()["user"]["role"], answer.json()["user"]["status"]) == ("USER", "ACTIVE")
    user = User.objects.get()
    assert (user.is_superuser, user.wants_to_help) == (False, False)


WRONG: list[tuple[str, Any]] = [
    ("phone_number", ...), ("phone_number", None), ("phone_number", "12"), ("phone_number", 998907654321),
    ("phone_number", []), ("phone_number", "+99890765432100000"), ("phone_number", "\ud800"), ("full_name", ...),
    ("full_name", ""), ("full_name", "x" * 151), ("full_name", 7), ("full_name", "nul\0"), ("full_name", "half\ud800"),
    ("password", ...), ("password", "short"), ("password", "12345678901"), ("password", "password123"),
    ("password", {}), ("password", "Nodira Karimova"), ("password", "x1" * 65), ("password2", "other"),
    ("password2", ...),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: repr(value)[:24])
def test_bad_registration_names_the_field_and_keeps_nothing(field: str, value: Any) -> None:
    same = {"password2": value} if field == "password" else {}
    answer = post(REGISTER, registration(**same | {field: value}))
    assert answer.status_code == 400
    assert field in answer.json()
    assert not User.objects.exists()


@pytest.mark.parametrize("url", [REGISTER, LOGIN, REFRESH, RESET, CONFIRM])
@pytest.mark.parametrize("body", NO_OBJECTS)
def test_body_that_is_no_object_is_refused(url: str, body: bytes) -> None:
    answer = APIClient().generic("POST", url, body, content_type="application/json")
    assert answer.status_code == 400
    assert {"detail", "code"} <= answer.json().keys()


@pytest.mark.parametrize(("method", "url"), [("post", LOGOUT), ("post", CHANGE), ("patch", ME)])
@pytest.mark.parametrize("body", NO_OBJECTS)
def test_body_of_somebody_that_is_no_object_is_refused(
    wearer: User, client_of: Any, method: str, url: str, body: bytes
) -> None:
    answer = getattr(client_of(wearer), method)(url, body, content_type="application/json")
    assert (method == "patch" and body == b"" and answer.status_code == 200) or answer.status_code == 400


def test_wrong_content_type_and_method_answer_in_json() -> None:
    text = APIClient().generic("POST", REGISTER, b"{}", content_type="text/plain")
    assert (text.status_code, text.json()["code"]) == (415, "unsupported_media_type")
    got = APIClient().get(REGISTER)
    assert (got.status_code, got.json()["code"]) == (405, "method_not_allowed")
    lost = APIClient().get("/api/v1/nothing/")
    assert (lost.status_code, lost.json()) == (404, {"detail": "Not found.", "code": "not_found"})


@pytest.mark.django_db(transaction=True)
def test_two_who_register_one_phone_at_once_make_one_account() -> None:
    def register(_: int) -> int:
        try:
            return int(post(REGISTER, registration()).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(register, range(4))) == [201, 400, 400, 400]
    assert User.objects.count() == 1


def test_my_account_is_shown_to_me(wearer: User, client_of: Any) -> None:
    assert client_of(wearer).get(ME).json() == {
        "uuid": str(wearer.uuid),
        "full_name": wearer.full_name,
        "phone_number": str(wearer.phone_number),
        "email": None,
        "role": "USER",
        "status": "ACTIVE",
        "language": "ru",
        "on_duty": False,
        "wants_to_help": False,
        "phone_confirmed_at": None,
        "second_factor": None,
    }


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_without_a_token_there_is_no_me(client_of: Any, method: str) -> None:
    answer = getattr(client_of(), method)(ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_i_change_what_is_mine(wearer: User, client_of: Any) -> None:
    changes = {"full_name": " Zulfiya ", "email": "z@example.org", "language": "uz", "on_duty": True}
    answer = client_of(wearer).patch(ME, changes, format="json")
    assert answer.status_code == 200
    assert changes | {"full_name": "Zulfiya"} == {name: answer.json()[name] for name in changes}
    assert client_of(wearer).get(ME).json() == answer.json()
    assert client_of(wearer).patch(ME, {"email": None}, format="json").json()["email"] is None


def test_nobody_raises_themselves(wearer: User, client_of: Any) -> None:
    others = {"role": "ADMIN", "status": "BANNED", "uuid": "x", "phone_number": "+998901112233", "is_superuser": True}
    answer = client_of(wearer).patch(ME, others, format="json")
    assert answer.status_code == 200
    assert answer.json() == client_of(wearer).get(ME).json()
    assert (answer.json()["role"], answer.json()["phone_number"]) == ("USER", str(wearer.phone_number))


WRONG_CHANGES: list[tuple[str, Any]] = [
    *[(name, value) for name in ("on_duty", "wants_to_help") for value in (None, "true", 1, 0, [], {})],
    ("full_name", ""), ("full_name", None), ("full_name", "x" * 151), ("full_name", 5), ("full_name", "a\0b"),
    ("email", "nobody"), ("email", ""), ("email", 5), ("email", f"{'x' * 255}@example.org"), ("email", "h\ud800@e.org"),
    ("language", "de"), ("language", None), ("language", []), ("language", "RU"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG_CHANGES, ids=lambda value: repr(value)[:24])
def test_wrong_change_names_the_field_and_changes_nothing(wearer: User, client_of: Any, field: str, value: Any) -> None:
    body = json.dumps({"full_name": "Zulfiya", field: value})
    answer = client_of(wearer).patch(ME, body, content_type="application/json")
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", field})
    assert client_of(wearer).get(ME).json()["full_name"] == wearer.full_name


def test_a_ban_at_the_same_moment_is_not_undone_by_a_change(wearer: User) -> None:
    stale = User.objects.get(pk=wearer.pk)
    User.objects.filter(pk=wearer.pk).update(status=Status.BANNED)
    change_own_account(stale, {"language": "uz"})
    wearer.refresh_from_db()
    assert (wearer.status, wearer.language) == ("BANNED", "uz")


def test_who_wants_to_help_waits_for_a_dispatcher(wearer: User, client_of: Any) -> None:
    answer = client_of(wearer).patch(ME, {"wants_to_help": True}, format="json").json()
    assert (answer["wants_to_help"], answer["role"]) == (True, "USER")


def test_who_wants_to_help_is_a_helper_at_once_where_nobody_approves(
    wearer: User, client_of: Any, settings: Any
) -> None:
    client = client_of(wearer)
    client.post("/api/v1/devices/", {"device_uid": "phone-1"}, format="json")
    client.post("/api/v1/devices/phone-1/location/", {"lat": 41.3, "lon": 69.2}, format="json")
    settings.HELPERS_AUTO_APPROVE = True
    assert client.patch(ME, {"wants_to_help": False}, format="json").json()["role"] == "USER"
    assert client.patch(ME, {"wants_to_help": True}, format="json").json()["role"] == "HELPER"
    assert HelperPosition.objects.filter(user=wearer).exists()


def test_a_dispatcher_who_wants_to_help_stays_one(dispatcher: User, client_of: Any, settings: Any) -> None:
    settings.HELPERS_AUTO_APPROVE = True
    assert client_of(dispatcher).patch(ME, {"wants_to_help": True}, format="json").json()["role"] == "ADMIN"


def test_a_helper_who_withdraws_is_off_duty_and_keeps_the_role(helper: Any, client_of: Any) -> None:
    client = client_of(helper(wants_to_help=True))
    answer = client.patch(ME, {"wants_to_help": False, "on_duty": True}, format="json").json()
    assert (answer["wants_to_help"], answer["on_duty"], answer["role"]) == (False, False, "HELPER")
    assert client.patch(ME, {"on_duty": True}, format="json").json()["on_duty"] is True


@pytest.mark.parametrize("phone", [None, "", "12", "somebody"])
def test_nobody_is_made_without_a_phone(phone: Any) -> None:
    with pytest.raises(ValidationError):
        User.objects.create_user(phone, "correct-horse-battery")
    assert not User.objects.exists()


def test_only_the_erased_have_no_phone(wearer: User) -> None:
    with pytest.raises(IntegrityError):
        User.objects.filter(pk=wearer.pk).update(phone_number=None)


def test_createsuperuser_takes_all_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PHONE_NUMBER", "90 000-00-01")
    monkeypatch.setenv("DJANGO_SUPERUSER_FULL_NAME", "First Dispatcher")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct-horse-battery")
    call_command("createsuperuser", interactive=False, stdout=StringIO())
    user = User.objects.get()
    assert (str(user.phone_number), user.role, user.is_superuser, user.is_staff) == (
        "+998900000001", Role.ADMIN, True, True,
    )  # fmt: skip
    assert post(LOGIN, {"phone_number": "+998900000001", "password": "correct-horse-battery"}).status_code == 200
    kept = JournalEntry.objects.values_list("kind", "actor_id", "data__person", "data__changed__is_superuser")
    assert list(kept) == [("ACCOUNT_MADE", None, user.pk, [False, True])]


def test_the_first_dispatcher_needs_a_phone_that_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct-horse-battery")
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False, phone_number="admin", full_name="First Dispatcher")
    with pytest.raises(CommandError, match="--phone"):
        call_command("ensure_admin", phone="admin")
    assert not User.objects.exists()
