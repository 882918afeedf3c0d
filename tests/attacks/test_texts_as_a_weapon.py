"""Somebody uses our texts against people: to bother one phone, to spread words of their own, to spend our money."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.notifications.models import Notification, State
from apps.notifications.rules.delivery import deliver_due
from apps.sos.models import SosEvent
from apps.sos.queries.live import live_url
from apps.sos.rules.due_step import take_due_step
from apps.users.models import EmergencyContact, User
from tests.conftest import make_client

pytestmark = pytest.mark.django_db(transaction=True)
CONTACTS = "/api/v1/emergency-contacts/"
VICTIM = "+998931234567"
WORDS = "Win at example.com now"


@pytest.fixture(autouse=True)
def _caps(settings: Any) -> None:
    settings.SMS_PER_ACCOUNT, settings.SMS_TO_HELPERS_PER_ACCOUNT, settings.SMS_PER_NUMBER = 60, 500, 20
    settings.SMS_PER_COUNTRY, settings.SMS_PER_DAY = 5000, 10_000


def add(client_of: Any, owner: User, number: str = VICTIM, name: str = "Contact") -> Any:
    return client_of(owner).post(CONTACTS, {"name": name, "phone_number": number}, format="json")


def storm(press: Any, attacker: User, presses: int) -> None:
    """One SOS after another, each with what it calls for, and cancelled so that the next is a new one."""
    for _ in range(presses):
        answer = press(attacker, device_uid=..., timestamp=timezone.now().isoformat())
        assert answer.status_code == 201
        event = SosEvent.objects.get(uid=answer.json()["event_uid"])
        take_due_step(event.pk)
        SosEvent.objects.filter(pk=event.pk).update(wave_at=timezone.now(), next_step_at=timezone.now())
        take_due_step(event.pk)
        deliver_due("SMS")
        assert make_client(attacker).post(f"/api/v1/sos/{event.uid}/cancel/").status_code == 200
        deliver_due("SMS")


def texts_to(eskiz: Any, number: str = VICTIM) -> list[str]:
    return [text.text for text in eskiz.messages() if f"+{text.phone}" == number]


def test_ten_accounts_bother_one_number(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attackers = [person() for _ in range(10)]
    for attacker in attackers:
        assert add(client_of, attacker).status_code == 201
        storm(press, attacker, 8)
    heard = texts_to(eskiz)
    assert 20 <= len(heard) < 20 + 10, "the cap of the number, then no more than the first of each account"
    assert Notification.objects.filter(contact_id__isnull=False, reason="capped: number").exists()


def test_one_account_texts_twenty_contacts_in_a_storm(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attacker = person()
    numbers = [f"+9989312345{n:02d}" for n in range(20)]
    for half in (numbers[:10], numbers[10:]):
        EmergencyContact.objects.filter(owner=attacker).delete()
        for number in half:
            assert add(client_of, attacker, number).status_code == 201
        storm(press, attacker, 16)
    assert len(eskiz.messages()) <= 20 + 60, "the first to each number, and the account's cap: 320 before"


def test_attackers_words_are_in_no_text(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attacker = person(full_name=WORDS, phone_confirmed_at=timezone.now())
    answer = client_of(attacker).patch("/api/v1/users/me/", {"full_name": WORDS}, format="json")
    assert (answer.status_code, "full_name" in answer.json()) == (400, True)
    add(client_of, attacker)
    storm(press, attacker, 2)
    assert texts_to(eskiz)
    assert not [text for text in texts_to(eskiz) if "Win at" in text]
    EmergencyContact.objects.update(confirmed_at=timezone.now())
    storm(press, attacker, 1)
    assert [text for text in texts_to(eskiz) if "Win at now" in text]
    assert not [text for text in texts_to(eskiz) if "example" in text]


def test_stored_address_is_shown_on_the_page_of_an_sos(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attacker = person(full_name=f"{WORDS}\n\u202eevil")
    add(client_of, attacker)
    answer = press(attacker, device_uid=...)
    event = SosEvent.objects.get(uid=answer.json()["event_uid"])
    path = re.sub(r"^https?://[^/]+", "", live_url(event.uid, EmergencyContact.objects.get().pk))
    page = Client().get(path).content.decode()
    assert "Win at now evil" in page
    assert "example.com" not in page


def test_words_of_an_account_without_a_proven_phone_reach_nobody(
    eskiz: Any, person: Any, press: Any, client_of: Any
) -> None:
    attacker = person(full_name="You owe us money")
    add(client_of, attacker)
    EmergencyContact.objects.update(confirmed_at=timezone.now())
    storm(press, attacker, 2)
    assert texts_to(eskiz)
    assert not [text for text in texts_to(eskiz) if "money" in text]


def test_account_without_a_proven_phone_asks_nobody(eskiz: Any, person: Any, client_of: Any) -> None:
    add(client_of, person())
    deliver_due("SMS")
    assert eskiz.messages() == []


def test_contact_who_said_no_is_added_again(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attacker = person(phone_confirmed_at=timezone.now())
    url = f"{CONTACTS}{add(client_of, attacker).json()['uuid']}/"
    deliver_due("SMS")
    (asked,) = texts_to(eskiz)
    (link,) = re.findall(r"https?://[^/]+(/\S+)", asked)
    assert Client().post(link, {"answer": "no"}).status_code == 303
    storm(press, attacker, 2)
    assert texts_to(eskiz) == [asked]
    assert client_of(attacker).delete(url).status_code == 204
    again = add(client_of, attacker)
    assert (again.status_code, again.json()["phone_number"]) == (400, ["Does not want to be your contact."])
    other = add(client_of, attacker, "+998931234568").json()["uuid"]
    moved = client_of(attacker).patch(f"{CONTACTS}{other}/", {"phone_number": VICTIM}, format="json")
    assert moved.status_code == 400


def test_contact_is_added_and_removed_to_be_asked_again_and_again(eskiz: Any, person: Any, client_of: Any) -> None:
    attacker = person(phone_confirmed_at=timezone.now())
    for _ in range(100):
        added = add(client_of, attacker)
        client_of(attacker).patch(f"{CONTACTS}{added.json()['uuid']}/", {"phone_number": VICTIM}, format="json")
        deliver_due("SMS")
        client_of(attacker).delete(f"{CONTACTS}{added.json()['uuid']}/")
    assert len(texts_to(eskiz)) <= 20


def test_texts_to_an_expensive_country_are_bought(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attacker = person(phone_number="+48512345678")
    answer = add(client_of, attacker, "+48512345679")
    assert (answer.status_code, answer.json()["phone_number"]) == (400, ["No text messages go to this country."])
    client_of(None).post("/api/v1/auth/password/reset/", {"phone_number": "+48512345678"}, format="json")
    storm(press, attacker, 2)
    assert not [text for text in eskiz.messages() if text.phone.startswith("48")]


def test_caps_filled_by_others_cost_nobody_their_help(
    eskiz: Any, person: Any, press: Any, client_of: Any, helper: Any, wearer: User, dispatcher: User, settings: Any
) -> None:
    settings.SMS_PER_NUMBER = settings.SMS_PER_COUNTRY = settings.SMS_PER_DAY = 5
    for attacker in [person() for _ in range(3)]:
        add(client_of, attacker)
        storm(press, attacker, 4)
    add(client_of, wearer)
    called = helper(100)
    before = len(texts_to(eskiz))
    press(wearer, device_uid=...)
    event = SosEvent.objects.get(user=wearer)
    take_due_step(event.pk)
    SosEvent.objects.filter(pk=event.pk).update(
        received_at=timezone.now() - timedelta(seconds=70), wave_at=timezone.now(), next_step_at=timezone.now()
    )
    take_due_step(event.pk)
    Notification.objects.filter(state=State.QUEUED, channel="SMS").update(due_at=timezone.now())
    deliver_due("SMS")
    assert len(texts_to(eskiz)) == before + 1
    assert texts_to(eskiz, str(called.phone_number))
    assert texts_to(eskiz, str(dispatcher.phone_number))


def test_storm_from_many_connections_at_once(eskiz: Any, person: Any, press: Any, client_of: Any) -> None:
    attacker = person()
    add(client_of, attacker)

    def attack(number: int) -> None:
        try:
            press(attacker, device_uid=f"toy-{number}", timestamp=timezone.now().isoformat())
            for pk in SosEvent.objects.values_list("pk", flat=True):
                take_due_step(pk)
            deliver_due("SMS")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(attack, range(12)))
    deliver_due("SMS")
    assert 1 <= len(texts_to(eskiz)) <= 20
