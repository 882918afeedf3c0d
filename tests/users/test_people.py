"""Dispatchers see everybody, and give roles and bans."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from apps.users.models import Role, Status, User
from tests.users.conftest import USERS

pytestmark = pytest.mark.django_db


def url_of(user: User) -> str:
    return f"{USERS}{user.uuid}/"


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [person["full_name"] for person in answer.json()["results"]]


@pytest.fixture
def people(person: Any, dispatcher: User) -> dict[str, User]:
    return {
        "Nodira": person(full_name="Nodira Karimova", phone_number="+998907654321"),
        "Botir": person(full_name="Botir", phone_number="+998931112233", role=Role.HELPER, on_duty=True),
        "Ivan": person(full_name="Иван", phone_number="+79123456789", wants_to_help=True, language="en"),
        "Banned": person(full_name="Banned 100%", status=Status.BANNED),
    }


def test_everybody_the_newest_first(people: Any, dispatcher: User, client_of: Any) -> None:
    answer = client_of(dispatcher).get(USERS)
    assert names(answer) == ["Banned 100%", "Иван", "Botir", "Nodira Karimova", dispatcher.full_name]
    assert answer.json().keys() == {"count", "next", "previous", "results"}
    assert answer.json()["count"] == 5


def test_an_account_is_shown_whole(wearer: User, dispatcher: User, client_of: Any, sign_in: Any) -> None:
    client = client_of(dispatcher)
    shown = client.get(url_of(wearer)).json()
    assert shown == client.get(USERS, {"role": "USER"}).json()["results"][0]
    assert shown.keys() == {
        "uuid", "full_name", "phone_number", "email", "role", "status", "language", "on_duty", "wants_to_help",
        "phone_confirmed_at", "second_factor", "contained_at", "created_at", "last_login",
    }  # fmt: skip
    assert shown["last_login"] is None
    sign_in(wearer)
    assert client.get(url_of(wearer)).json()["last_login"].endswith("Z")


PARTS = [
    ("+998 90 765-43-21", ["Nodira Karimova"]), ("998907654321", ["Nodira Karimova"]), ("765 43", ["Nodira Karimova"]),
    ("(90)765", ["Nodira Karimova"]), ("+7 912", ["Иван"]), ("112233", ["Botir"]), ("karim", ["Nodira Karimova"]),
    ("иВАН", ["Иван"]), ("100%", ["Banned 100%"]), ("_", []), ("nobody", []),
]  # fmt: skip


@pytest.mark.parametrize(("part", "found"), PARTS)
def test_search_by_a_part_of_phone_or_name(
    people: Any, dispatcher: User, client_of: Any, part: str, found: list[str]
) -> None:
    assert names(client_of(dispatcher).get(USERS, {"search": part})) == found


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"role": "HELPER"}, ["Botir"]), ({"role": ["HELPER", "USER"], "status": "ACTIVE", "search": "i"},
     ["Botir", "Nodira Karimova"]), ({"status": "BANNED"}, ["Banned 100%"]), ({"on_duty": "true"}, ["Botir"]),
    ({"wants_to_help": "true", "role": "USER"}, ["Иван"]), ({"language": "en"}, ["Иван"]),
    ({"on_duty": "false", "language": "ru", "status": "ACTIVE", "role": "USER"}, ["Nodira Karimova"]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_filters(people: Any, dispatcher: User, client_of: Any, query: dict[str, Any], found: list[str]) -> None:
    assert names(client_of(dispatcher).get(USERS, query)) == found


WRONG_QUERIES = [
    ("role", "KING"), ("status", "ERASED"), ("status", "x"), ("on_duty", "maybe"), ("wants_to_help", "1"),
    ("language", "de"), ("page_size", "0"), ("page_size", "201"), ("page_size", "x"), ("page_size", "-1"),
    ("search", "x" * 151), ("search", "a\0b"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG_QUERIES, ids=lambda value: str(value)[:16])
def test_wrong_filter_is_named(dispatcher: User, client_of: Any, name: str, value: str) -> None:
    answer = client_of(dispatcher).get(USERS, {name: value})
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", name})


def test_pages_hold_everybody_once(people: Any, dispatcher: User, client_of: Any) -> None:
    client, found, page = client_of(dispatcher), [], f"{USERS}?page_size=2"
    while page:
        answer = client.get(page)
        found += names(answer)
        page = answer.json()["next"]
    assert found == names(client.get(USERS))
    assert client.get(USERS, {"page": 99}).status_code == 404


def test_others_see_and_change_nobody(wearer: User, helper: Any, client_of: Any, person: Any) -> None:
    other = person()
    for user, status in ((wearer, 403), (helper(), 403), (None, 401)):
        for answer in (
            client_of(user).get(USERS),
            client_of(user).get(url_of(other)),
            client_of(user).patch(url_of(other), {"role": "ADMIN"}, format="json"),
        ):
            assert answer.status_code == status
    other.refresh_from_db()
    assert other.role == Role.USER


def test_unknown_account_is_404(dispatcher: User, client_of: Any) -> None:
    client = client_of(dispatcher)
    assert client.get(f"{USERS}{uuid4()}/").status_code == 404
    assert client.patch(f"{USERS}{uuid4()}/", {"role": "USER"}, format="json").status_code == 404
    assert client.get(f"{USERS}7/").status_code == 404


def test_dispatcher_gives_role_name_and_language(dispatcher: User, wearer: User, client_of: Any) -> None:
    changes = {"role": "HELPER", "full_name": "Zulfiya", "language": "uz"}
    answer = client_of(dispatcher).patch(url_of(wearer), changes | {"email": "no@example.org"}, format="json")
    assert (answer.status_code, answer.json()["status"], answer.json()["email"]) == (200, "ACTIVE", None)
    assert {name: answer.json()[name] for name in changes} == changes
    assert client_of(dispatcher).get(url_of(wearer)).json() == answer.json()


WRONG: list[tuple[str, Any]] = [
    ("role", "KING"), ("role", None), ("role", 1), ("status", []), ("status", "x" * 99), ("status", "ERASED"),
    ("full_name", ""), ("full_name", "x" * 151), ("full_name", {}), ("language", "xx"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: repr(value)[:16])
def test_wrong_decision_names_the_field(dispatcher: User, wearer: User, client_of: Any, field: str, value: Any) -> None:
    answer = client_of(dispatcher).patch(url_of(wearer), {field: value}, format="json")
    assert (answer.status_code, answer.json().keys()) == (400, {"detail", "code", field})


@pytest.mark.parametrize("body", [b"[]", b"{", b'"BANNED"', b'{"a": NaN}'])
def test_decision_that_is_no_object_is_refused(dispatcher: User, wearer: User, client_of: Any, body: bytes) -> None:
    answer = client_of(dispatcher).patch(url_of(wearer), body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [{"role": "USER"}, {"role": "HELPER"}, {"status": "BANNED"}])
@pytest.mark.parametrize("others", [0, 1])
def test_the_last_superuser_stays_one(superuser: User, person: Any, client_of: Any, body: Any, others: int) -> None:
    person(role=Role.ADMIN, is_superuser=True, status=Status.BANNED)
    for _ in range(others):
        person(role=Role.ADMIN)
    client = client_of(superuser)
    answer = client.patch(url_of(superuser), body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert client.patch(url_of(superuser), {"role": "ADMIN", "full_name": "D"}, format="json").status_code == 200
    person(role=Role.ADMIN, is_superuser=True)
    assert client.patch(url_of(superuser), body, format="json").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_superusers_who_ban_each_other_at_once_one_stays(person: Any, client_of: Any) -> None:
    one, two = (person(role=Role.ADMIN, is_superuser=True) for _ in range(2))

    def ban(pair: tuple[User, User]) -> int:
        try:
            answer = client_of(pair[0]).patch(url_of(pair[1]), {"status": "BANNED"}, format="json")
            return int(answer.status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(ban, [(one, two), (two, one)]))
    assert answers in ([200, 409], [200, 401])
    assert User.objects.filter(status=Status.ACTIVE).count() == 1
