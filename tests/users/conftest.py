"""Requests of the accounts' tests."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from apps.users.models import User
from tests.conftest import PASSWORD

REGISTER, LOGIN, REFRESH = "/api/v1/auth/register/", "/api/v1/auth/login/", "/api/v1/auth/refresh/"
LOGOUT, CHANGE = "/api/v1/auth/logout/", "/api/v1/auth/password/change/"
RESET, CONFIRM = "/api/v1/auth/password/reset/", "/api/v1/auth/password/reset/confirm/"
ME, USERS = "/api/v1/users/me/", "/api/v1/users/"
GONE = {"password": PASSWORD}  # what erasing oneself asks for
NO_OBJECTS = [b"", b"[]", b"{", b'{"a": NaN}', b'"text"', b"null", b"\xff"]


def registration(**changes: Any) -> dict[str, Any]:
    body = {
        "phone_number": "+998 90 765-43-21",
        "full_name": "Nodira Karimova",
        "password": "someStrongPassword123",
        "password2": "someStrongPassword123",
    } | changes
    return {key: value for key, value in body.items() if value is not ...}


def post(url: str, body: Any, access: str | None = None, **extra: Any) -> Any:
    client = APIClient(raise_request_exception=False)
    if access:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client.generic("POST", url, json.dumps(body), content_type="application/json", **extra)


def at_once(times: int, what: Callable[[int], Any]) -> Counter[int]:
    """How often each status was the answer to `times` requests, 12 of them at any time, each from another thread.

    What could not be stored on a busy machine is sent again, as the API asks.
    """

    def one(n: int) -> int:
        try:
            while (status := int(what(n).status_code)) == 503:
                connections.close_all()
            return status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        return Counter(pool.map(one, range(times)))


@pytest.fixture
def sign_in() -> Callable[..., Any]:
    """Sends a sign-in of somebody, with their password unless another is given."""

    def send(user: User, password: str = PASSWORD, **extra: Any) -> Any:
        return post(LOGIN, {"phone_number": str(user.phone_number), "password": password}, **extra)

    return send
