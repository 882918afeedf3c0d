"""Emergency contacts: a person's own, ten at most, and nobody changes them unnoticed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from apps.notifications.models import Notification
from apps.users.models import EmergencyContact, Status, User
from tests.users.conftest import GONE, ME

pytestmark = pytest.mark.django_db
CONTACTS = "/api/v1/emergency-contacts/"


def contact(**changes: Any) -> dict[str, Any]:
    return {"name": "Dilshod Karimov", "phone_number": "+998 90 765-43-21"} | changes


@pytest.fixture
def add(client_of: Any) -> Any:
    def send(user: User, **changes: Any) -> Any:
        body = {name: value for name, value in contact(**changes).items() if value is not ...}
        return client_of(user).post(CONTACTS, body, format="json")

    return send


def url_of(answer: Any) -> str:
    assert answer.status_code == 201, answer.json()
    return f"{CONTACTS}{answer.json()['uuid']}/"


def told(user: User) -> int:
    return Notification.objects.filter(user=user, kind="CONTACTS_CHANGED").count()


def test_contact_is_added_and_shown(person: Any, add: Any, client_of: Any) -> None:
    user = person(language="uz")
    answer = add(user)
    assert (answer.status_code, answer.json().keys()) == (
        201, {"uuid", "name", "phone_number", "language", "order", "confirmed", "refused", "created_at"},
    )  # fmt: skip
    shown = answer.json()
    assert (shown["name"], shown["phone_number"], shown["order"]) == ("Dilshod Karimov", "+998907654321", 0)
    assert shown["language"] == "uz", "the owner's, until somebody says more"
    assert client_of(user).get(CONTACTS).json()["results"] == [shown]


def test_contacts_are_listed_in_their_order(wearer: User, add: Any, client_of: Any) -> None:
    first = add(wearer, name="First", phone_number="+998907000001")
    add(wearer, name="Second", phone_number="+998907000002", language="en")
    add(wearer, name="Zeroth", phone_number="+998907000003", order=0)
    client_of(wearer).patch(url_of(first), {"order": 9}, format="json")
    add(wearer, name="Last", phone_number="+998907000004")
    listed = client_of(wearer).get(CONTACTS).json()["results"]
    assert [one["name"] for one in listed] == ["Zeroth", "Second", "First", "Last"]
    assert [one["language"] for one in listed] == ["ru", "en", "ru", "ru"]


def test_contact_is_changed_in_parts(wearer: User, add: Any, client_of: Any) -> None:
    added = add(wearer)
    answer = client_of(wearer).patch(url_of(added), {"language": "en", "phone_number": "907654322"}, format="json")
    assert (answer.status_code, answer.json()) == (
        200, added.json() | {"language": "en", "phone_number": "+998907654322"},
    )  # fmt: skip
    again = client_of(wearer).patch(url_of(added), {"phone_number": "+998907654322"}, format="json")
    assert again.status_code == 200, "its own number is no other contact's"


def test_contact_is_removed(wearer: User, add: Any, client_of: Any) -> None:
    url = url_of(add(wearer))
    assert client_of(wearer).delete(url).status_code == 204
    assert client_of(wearer).delete(url).status_code == 404
    assert client_of(wearer).get(CONTACTS).json()["results"] == []
    assert add(wearer).status_code == 201


def test_phone_tells_of_every_change_and_of_nothing_else(wearer: User, add: Any, client_of: Any) -> None:
    url, client = url_of(add(wearer)), client_of(wearer)
    assert told(wearer) == 1
    client.patch(url, {"name": "Dilshod"}, format="json")
    assert told(wearer) == 2
    client.patch(url, {"name": "Dilshod"}, format="json")
    client.patch(url, {}, format="json")
    client.get(CONTACTS)
    add(wearer)
    assert told(wearer) == 2
    client.delete(url)
    assert told(wearer) == 3
    row = Notification.objects.filter(kind="CONTACTS_CHANGED")[0]
    assert (row.channel, row.event_uid, row.data["text_key"]) == ("FCM", None, "contacts_changed")
    assert "Dilshod" not in str(row.data)


def test_same_number_again_is_refused(wearer: User, person: Any, add: Any, client_of: Any) -> None:
    add(wearer)
    answer = add(wearer, phone_number="90 765 43 21", name="Another")
    assert (answer.status_code, answer.json()["phone_number"]) == (400, ["Is already a contact."])
    other = add(wearer, phone_number="+998907654322")
    moved = client_of(wearer).patch(url_of(other), {"phone_number": "+998907654321"}, format="json")
    assert (moved.status_code, moved.json()["phone_number"]) == (400, ["Is already a contact."])
    assert add(person()).status_code == 201, "somebody else may have the same contact"


def test_own_number_is_no_contact(wearer: User, add: Any, client_of: Any) -> None:
    assert add(wearer, phone_number=str(wearer.phone_number)).json()["phone_number"] == ["Is your own."]
    body = {"phone_number": str(wearer.phone_number)}
    answer = client_of(wearer).patch(url_of(add(wearer)), body, format="json")
    assert (answer.status_code, answer.json()["phone_number"]) == (400, ["Is your own."])


WRONG = [
    ("name", ...), ("name", ""), ("name", "  "), ("name", None), ("name", 5), ("name", ["x"]), ("name", "x" * 151),
    ("name", "a\x00b"),
    ("phone_number", ...), ("phone_number", ""), ("phone_number", None), ("phone_number", 998907654321),
    ("phone_number", "12"), ("phone_number", "not a number"), ("phone_number", "+998907654321" * 20),
    ("language", "de"), ("language", None), ("language", 1), ("language", ["ru"]),
    ("order", -1), ("order", 1001), ("order", 1.5), ("order", "1"), ("order", True), ("order", None),
    ("order", 10**400),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_wrong_field_is_named(wearer: User, add: Any, client_of: Any, field: str, value: Any) -> None:
    answer = add(wearer, **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()[field]
    assert not EmergencyContact.objects.exists()
    if value is not ...:
        url = url_of(add(wearer))
        changed = client_of(wearer).patch(url, {field: value}, format="json")
        assert (changed.status_code, list(changed.json())) == (400, ["detail", "code", field])


@pytest.mark.parametrize("flaw", [b'"x", "order": NaN', b'"\\ud800"'])
def test_what_cannot_be_stored_is_refused(wearer: User, client_of: Any, flaw: bytes) -> None:
    body = b'{"phone_number": "+998907654321", "name": ' + flaw + b"}"
    answer = client_of(wearer).generic("POST", CONTACTS, body, content_type="application/json")
    assert answer.status_code == 400
    assert not EmergencyContact.objects.exists()


def test_another_persons_contact_does_not_exist(
    wearer: User, person: Any, dispatcher: User, add: Any, client_of: Any
) -> None:
    url = url_of(add(wearer))
    for stranger in (person(), dispatcher):
        assert client_of(stranger).patch(url, {"name": "x"}, format="json").status_code == 404
        assert client_of(stranger).delete(url).status_code == 404
        assert client_of(stranger).get(CONTACTS).json()["results"] == []
    for unknown in (uuid4(), "1", "%00"):
        assert client_of(wearer).delete(f"{CONTACTS}{unknown}/").status_code == 404
    assert client_of().patch(url, {"name": "x"}, format="json").status_code == 401
    assert EmergencyContact.objects.get().name == "Dilshod Karimov"


def test_eleventh_is_one_too_many(wearer: User, add: Any, client_of: Any) -> None:
    for number in range(10):
        assert add(wearer, phone_number=f"+99890700000{number}").status_code == 201
    answer = add(wearer)
    assert (answer.status_code, answer.json()) == (400, {"detail": "At most 10 contacts.", "code": "too_many"})
    client_of(wearer).delete(f"{CONTACTS}{EmergencyContact.objects.all()[0].uuid}/")
    assert add(wearer).status_code == 201


def at_once(count: int, send: Any) -> list[int]:
    def one(number: int) -> int:
        try:
            return int(send(number).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_eleven_at_once_ten_are_kept(wearer: User, add: Any) -> None:
    answers = at_once(11, lambda number: add(wearer, phone_number=f"+9989070000{number:02d}"))
    assert answers == [201] * 10 + [400]
    assert wearer.emergency_contacts.count() == 10
    assert len({one.order for one in wearer.emergency_contacts.all()}) == 10


@pytest.mark.django_db(transaction=True)
def test_same_number_twice_at_once_is_one_contact(wearer: User, add: Any) -> None:
    assert at_once(4, lambda _: add(wearer)) == [201, 400, 400, 400]
    assert told(wearer) == 1


def test_contacts_go_with_the_account(wearer: User, person: Any, add: Any, client_of: Any) -> None:
    other = person()
    add(wearer)
    add(other)
    assert client_of(wearer).delete(ME, GONE, format="json").status_code == 204
    assert list(EmergencyContact.objects.values_list("owner", flat=True)) == [other.pk]
    wearer.refresh_from_db()
    assert wearer.status == Status.ERASED
