"""Registration, sign-in, tokens, and who may change whom."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from apps.users.models import Role, Status, User
from apps.users.services import change_standing
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
REGISTER, LOGIN, REFRESH = "/api/v1/auth/register/", "/api/v1/auth/login/", "/api/v1/auth/refresh/"


def registration(**changes: Any) -> dict[str, Any]:
    body = {
        "phone_number": "+998 90 765-43-21",
        "full_name": "Nodira Karimova",
        "password": "someStrongPassword123",
        "password2": "someStrongPassword123",
    } | changes
    return {key: value for key, value in body.items() if value is not ...}


def post(url: str, body: Any) -> Any:
    return APIClient().generic("POST", url, json.dumps(body), content_type="application/json")


def test_phone_is_kept_in_one_form_and_once() -> None:
    assert post(REGISTER, registration()).json()["user"]["phone_number"] == "+998907654321"
    again = post(REGISTER, registration(phone_number="998907654321"))
    assert (again.status_code, list(again.json())) == (400, ["phone_number"])


def test_everybody_starts_as_a_wearer_whatever_they_send() -> None:
    answer = post(REGISTER, registration(role="ADMIN", status="BANNED", is_superuser=True))
    assert (answer.json()["user"]["role"], answer.json()["user"]["status"]) == ("USER", "ACTIVE")
    assert not User.objects.get().is_superuser


WRONG: list[tuple[str, Any]] = [
    ("phone_number", ...), ("phone_number", None), ("phone_number", "12"), ("phone_number", 5), ("phone_number", []),
    ("phone_number", "+99890765432100000"), ("full_name", ...), ("full_name", ""), ("full_name", "x" * 151),
    ("full_name", 7), ("full_name", "nul\0"), ("full_name", "half\ud800"), ("password", ...), ("password", "short"),
    ("password", "12345678901"), ("password", "password123"), ("password", {}), ("password2", "other"),
    ("password2", ...),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: repr(value)[:24])
def test_bad_registration_names_the_field_and_keeps_nothing(field: str, value: Any) -> None:
    same = {"password2": value} if field == "password" else {}
    answer = post(REGISTER, registration(**same | {field: value}))
    assert answer.status_code == 400
    assert field in answer.json()
    assert not User.objects.exists()


@pytest.mark.parametrize("url", [REGISTER, LOGIN, REFRESH])
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a": NaN}', b'"text"', b"\xff"])
def test_body_that_is_no_object_is_refused(url: str, body: bytes) -> None:
    answer = APIClient().generic("POST", url, body, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json(), dict)


def test_wrong_content_type_and_method_answer_in_json() -> None:
    text = APIClient().generic("POST", REGISTER, b"{}", content_type="text/plain")
    assert (text.status_code, text.json()["code"]) == (415, "unsupported_media_type")
    got = APIClient().get(REGISTER)
    assert (got.status_code, got.json()["code"]) == (405, "method_not_allowed")
    lost = APIClient().get("/api/v1/nothing/")
    assert (lost.status_code, lost.json()) == (404, {"detail": "Not found.", "code": "not_found"})


def test_wrong_password_and_unknown_phone_look_alike(wearer: User) -> None:
    wrong = post(LOGIN, {"phone_number": str(wearer.phone_number), "password": "nonsense"})
    unknown = post(LOGIN, {"phone_number": "+998901111111", "password": "nonsense"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_sign_in_then_refresh(wearer: User) -> None:
    tokens = post(LOGIN, {"phone_number": str(wearer.phone_number), "password": PASSWORD}).json()
    access = post(REFRESH, {"refresh": tokens["refresh"]}).json()["access"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.patch("/api/v1/users/me/", {"on_duty": True}, format="json").json()["on_duty"] is True


def test_access_token_does_not_refresh(wearer: User) -> None:
    tokens = post(LOGIN, {"phone_number": str(wearer.phone_number), "password": PASSWORD}).json()
    for bad in (tokens["access"], "nonsense", tokens["refresh"] + "x"):
        answer = post(REFRESH, {"refresh": bad})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


def test_ban_ends_login_refresh_and_the_present_token(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    credentials = {"phone_number": str(wearer.phone_number), "password": PASSWORD}
    refresh = post(LOGIN, credentials).json()["refresh"]
    change_standing(wearer, role=wearer.role, status=Status.BANNED)
    assert post(LOGIN, credentials).json()["code"] == "banned"
    assert post(REFRESH, {"refresh": refresh}).status_code == 401
    assert client.patch("/api/v1/users/me/", {"on_duty": True}, format="json").json()["code"] == "banned"


def test_dispatcher_gives_role_and_status(dispatcher: User, wearer: User, client_of: Any) -> None:
    answer = client_of(dispatcher).patch(f"/api/v1/users/{wearer.uuid}/", {"role": "HELPER"}, format="json")
    assert (answer.status_code, answer.json()["role"], answer.json()["status"]) == (200, "HELPER", "ACTIVE")
    wearer.refresh_from_db()
    assert wearer.role == Role.HELPER


@pytest.mark.parametrize("body", [{"role": "KING"}, {"role": None}, {"role": 1}, {"status": []}, {"status": "x" * 99}])
def test_unknown_standing_names_the_field(dispatcher: User, wearer: User, client_of: Any, body: Any) -> None:
    answer = client_of(dispatcher).patch(f"/api/v1/users/{wearer.uuid}/", body, format="json")
    assert (answer.status_code, list(answer.json())) == (400, list(body))


def test_only_a_dispatcher_changes_standings(wearer: User, helper: Any, client_of: Any) -> None:
    url = f"/api/v1/users/{wearer.uuid}/"
    for user in (wearer, helper()):
        assert client_of(user).patch(url, {"role": "ADMIN"}, format="json").status_code == 403
    assert client_of().patch(url, {"role": "ADMIN"}, format="json").status_code == 401
    wearer.refresh_from_db()
    assert wearer.role == Role.USER


def test_nobody_raises_themselves(wearer: User, client_of: Any) -> None:
    answer = client_of(wearer).patch("/api/v1/users/me/", {"role": "ADMIN", "status": "BANNED"}, format="json")
    assert (answer.status_code, answer.json()["role"]) == (200, "USER")


@pytest.mark.parametrize("value", [None, "true", 1, 0, [], {}])
def test_duty_is_true_or_false(wearer: User, client_of: Any, value: Any) -> None:
    answer = client_of(wearer).patch("/api/v1/users/me/", {"on_duty": value}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["on_duty"])


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
