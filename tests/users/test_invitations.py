"""A contact is asked once, by a link, whether they want to be one; a look at the link says nothing."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone

from apps.notifications.models import Notification
from apps.notifications.rules.delivery import deliver_due
from apps.users.models import ContactRefusal, EmergencyContact, PhoneProof, User
from apps.users.rules import codes
from apps.users.rules.invitations import invitation_url
from tests.users.conftest import GONE, ME

pytestmark = pytest.mark.django_db(transaction=True)
CONTACTS = "/api/v1/emergency-contacts/"


@pytest.fixture
def owner(person: Any) -> User:
    proven: User = person(full_name="Nodira <b>Karimova</b>", phone_confirmed_at=timezone.now())
    return proven


@pytest.fixture
def contact(owner: User) -> EmergencyContact:
    made: EmergencyContact = owner.emergency_contacts.create(name="Mother", phone_number="+998931234567", language="en")
    return made


def path_of(contact: EmergencyContact) -> str:
    return re.sub(r"^https?://[^/]+", "", invitation_url(contact))


def answer(contact: EmergencyContact, said: str) -> Any:
    return Client(enforce_csrf_checks=True).post(path_of(contact), {"answer": said})


def shown(contact: EmergencyContact, client_of: Any) -> tuple[bool, bool]:
    (one,) = client_of(contact.owner).get(CONTACTS).json()["results"]
    return one["confirmed"], one["refused"]


def asked() -> int:
    return Notification.objects.filter(kind="CONTACT_ASKED").count()


def add(client_of: Any, owner: User, number: str = "+998931234567") -> Any:
    return client_of(owner).post(CONTACTS, {"name": "Mother", "phone_number": number}, format="json")


def test_new_contact_of_a_proven_account_is_asked_once(eskiz: Any, owner: User, client_of: Any) -> None:
    url = f"{CONTACTS}{add(client_of, owner).json()['uuid']}/"
    client_of(owner).patch(url, {"name": "Mum"}, format="json")
    add(client_of, owner, "+998931234568")
    deliver_due("SMS")
    texts = eskiz.messages()
    assert sorted(text.phone for text in texts) == ["998931234567", "998931234568"]
    assert not [text for text in texts if "Nodira" in text.text or "Mother" in text.text]
    client_of(owner).patch(url, {"phone_number": "+998931234569"}, format="json")
    assert asked() == 3, "another number is somebody else"


def test_contact_is_asked_when_the_phone_is_proven(eskiz: Any, wearer: User, client_of: Any) -> None:
    add(client_of, wearer)
    assert asked() == 0
    app = client_of(wearer)
    assert app.post("/api/v1/auth/phone/code/").status_code == 202
    code = {"sms_code": codes.code_for(PhoneProof, wearer)}
    assert app.post("/api/v1/auth/phone/confirm/", code, format="json").status_code == 200
    assert asked() == 1


def test_without_a_gateway_nobody_is_asked(owner: User, client_of: Any, settings: Any) -> None:
    add(client_of, owner)
    assert asked() == 0
    assert EmergencyContact.objects.get().asked_at is None
    settings.SMS_TRANSPORT = "console"
    add(client_of, owner, "+998931234568")
    assert asked() == 2, "as soon as there is one"


def test_look_at_the_link_says_nothing(contact: EmergencyContact, client_of: Any) -> None:
    for method in ("get", "head"):
        answered = getattr(Client(), method)(path_of(contact))
        assert answered.status_code == 200
        assert answered["Cache-Control"] == "no-store"
        assert answered["Referrer-Policy"] == "no-referrer"
    assert shown(contact, client_of) == (False, False)
    page = Client().get(path_of(contact)).content.decode()
    assert "Nodira &lt;b&gt;Karimova" in page
    assert "I agree" in page
    assert str(contact.owner.phone_number) not in page


def test_last_answer_holds(contact: EmergencyContact, client_of: Any) -> None:
    assert answer(contact, "yes").status_code == 303
    assert shown(contact, client_of) == (True, False)
    assert "You have agreed" in Client().get(path_of(contact)).content.decode()
    since = EmergencyContact.objects.get().confirmed_at
    answer(contact, "yes")
    assert EmergencyContact.objects.get().confirmed_at == since
    answer(contact, "no")
    assert shown(contact, client_of) == (False, True)
    assert ContactRefusal.objects.count() == 1
    answer(contact, "yes")
    assert shown(contact, client_of) == (True, False)
    assert not ContactRefusal.objects.exists()


@pytest.mark.parametrize("said", ["", "maybe", "yes\x00"])
def test_other_answer_is_none(contact: EmergencyContact, client_of: Any, said: str) -> None:
    assert answer(contact, said).status_code == 200
    assert shown(contact, client_of) == (False, False)


def test_forged_or_old_link_is_no_page(contact: EmergencyContact, owner: User) -> None:
    other = owner.emergency_contacts.create(name="Other", phone_number="+998931234568")
    signature = path_of(other).rpartition(":")[2]
    old = path_of(contact)
    for path in (f"/live/c/{contact.pk}:{signature}", "/live/c/x/", f"/live/c/{contact.pk}/", f"/live/c/{'9' * 40}:x/"):
        assert Client().post(path, {"answer": "yes"}).status_code == 404
    EmergencyContact.objects.filter(pk=contact.pk).update(phone_number="+998931234569")
    assert Client().post(old, {"answer": "yes"}).status_code == 404, "it was sent to another number"
    contact.delete()
    assert Client().get(old).status_code == 404
    assert not EmergencyContact.objects.exclude(confirmed_at=None).exists()


def test_two_answers_at_once_leave_one(contact: EmergencyContact, client_of: Any) -> None:
    def send(number: int) -> int:
        try:
            return int(answer(contact, ("yes", "no")[number % 2]).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(send, range(6))) == {303}
    assert sum(shown(contact, client_of)) == 1
    assert ContactRefusal.objects.exists() == shown(contact, client_of)[1]


def test_lost_database_is_said_in_words(contact: EmergencyContact, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_of(contact)

    def lost(_: str) -> None:
        raise OperationalError

    monkeypatch.setattr("apps.users.api.contact_page.invited", lost)
    answered = Client().get(path)
    assert (answered.status_code, "Retry-After" in answered) == (503, True)


def test_number_where_no_texts_go_is_no_contact(owner: User, client_of: Any) -> None:
    refused = add(client_of, owner, "+48512345678")
    assert (refused.status_code, list(refused.json())) == (400, ["detail", "code", "phone_number"])
    url = f"{CONTACTS}{add(client_of, owner).json()['uuid']}/"
    moved = client_of(owner).patch(url, {"phone_number": "+48512345678"}, format="json")
    assert (moved.status_code, list(moved.json())) == (400, ["detail", "code", "phone_number"])


def test_registration_is_possible_from_anywhere(client_of: Any) -> None:
    body = {
        "phone_number": "+48512345678",
        "full_name": "A B",
        "password": "long-enough-1",
        "password2": "long-enough-1",
    }
    assert client_of().post("/api/v1/auth/register/", body, format="json").status_code == 201


def test_refusals_go_with_the_account(contact: EmergencyContact, client_of: Any) -> None:
    answer(contact, "no")
    assert client_of(contact.owner).delete(ME, GONE, format="json").status_code == 204
    assert not ContactRefusal.objects.exists()
