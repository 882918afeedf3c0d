"""Caps on text messages: the first to each number goes, later ones meet caps, and nobody's costs another a call."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from apps.monitoring.health.incidents import look
from apps.notifications.kinds import MessageKind
from apps.notifications.models import Notification, State, TextCount
from apps.notifications.rules import delivery
from apps.notifications.rules.caps import FIRST_TO_CONTACTS_MOST, forget_counts
from apps.notifications.rules.delivery import deliver_due
from apps.notifications.rules.queueing import notify, notify_by_text, notify_contacts
from apps.sos.models import SosEvent
from apps.users.models import EmergencyContact, PasswordReset, User
from apps.users.rules import codes

pytestmark = pytest.mark.django_db(transaction=True)
WATCH, ALARM, RESET = MessageKind.DEVICE_OFFLINE, MessageKind.CONTACT_ALARM, MessageKind.PASSWORD_RESET


@pytest.fixture(autouse=True)
def _gateway(settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    settings.SMS_PER_ACCOUNT = settings.SMS_PER_NUMBER = settings.SMS_PER_COUNTRY = settings.SMS_PER_DAY = 0
    settings.SMS_TO_HELPERS_PER_ACCOUNT = 0


def contact_of(owner: User, number: str = "+998931234567", **fields: Any) -> EmergencyContact:
    made: EmergencyContact = owner.emergency_contacts.create(name="Contact", phone_number=number, **fields)
    return made


def tell(contact: EmergencyContact, kind: MessageKind = WATCH, event: SosEvent | None = None) -> str:
    """Sends the contact one more text: the reason why it was not sent, or nothing."""
    uid = event.uid if event else None
    data = {contact.pk: {"wearer_name": "Nodira", "url": "http://localhost/live/x/"}}
    notify_contacts(kind, uid, contact.owner_id, data, occasion=str(uuid4()))
    return settled()


def settled() -> str:
    deliver_due("SMS")
    row = Notification.objects.filter(channel="SMS").latest("pk")
    assert row.state == (State.DROPPED if row.reason else State.SENT)
    return row.reason


def confirm(contact: EmergencyContact) -> EmergencyContact:
    User.objects.filter(pk=contact.owner_id).update(phone_confirmed_at=timezone.now())
    EmergencyContact.objects.filter(pk=contact.pk).update(confirmed_at=timezone.now())
    return contact


@pytest.fixture
def event(press: Any, wearer: User) -> SosEvent:
    press(wearer)
    Notification.objects.all().delete()
    opened: SosEvent = SosEvent.objects.get()
    return opened


def test_later_texts_meet_the_cap_of_the_account(wearer: User, person: Any, settings: Any) -> None:
    settings.SMS_PER_ACCOUNT = 2
    contact = contact_of(wearer)
    assert [tell(contact) for _ in range(4)] == ["", "", "", "capped: account"]
    assert tell(contact_of(wearer, "+998931234568")) == "", "the first to each number always goes"
    assert tell(contact_of(person())) == "", "another account has its own cap, also to the same number"


def test_later_texts_meet_the_cap_of_the_number(person: Any, settings: Any) -> None:
    settings.SMS_PER_NUMBER = 2
    contacts = [contact_of(person()) for _ in range(3)]
    assert [tell(contact) for contact in contacts] == ["", "", ""]
    assert [tell(contact) for contact in contacts] == ["capped: number"] * 3
    assert tell(contact_of(contacts[0].owner, "+998931234568")) == ""


@pytest.mark.parametrize(("setting", "reason"), [("SMS_PER_COUNTRY", "country"), ("SMS_PER_DAY", "day")])
def test_later_texts_meet_the_caps_of_country_and_day(person: Any, settings: Any, setting: str, reason: str) -> None:
    setattr(settings, setting, 2)
    contacts = [contact_of(person(), f"+9989312345{n:02d}") for n in range(4)]
    assert [tell(contact) for contact in contacts] == [""] * 4
    assert [tell(contact) for contact in contacts] == [f"capped: {reason}"] * 4


def test_another_country_has_a_cap_of_its_own(wearer: User, settings: Any) -> None:
    settings.SMS_COUNTRIES, settings.SMS_PER_COUNTRY = ["*"], 2
    uzbek, polish = contact_of(wearer), contact_of(wearer, "+48512345678")
    assert [tell(uzbek) for _ in range(3)] == ["", "", "capped: country"]
    assert [tell(polish) for _ in range(3)] == ["", "", "capped: country"]


def test_first_alarm_goes_whatever_is_full(wearer: User, event: SosEvent, settings: Any) -> None:
    settings.SMS_PER_ACCOUNT = settings.SMS_PER_NUMBER = settings.SMS_PER_COUNTRY = settings.SMS_PER_DAY = 1
    contact = contact_of(wearer)
    assert [tell(contact) for _ in range(3)] == ["", "capped: number", "capped: number"]
    assert tell(contact, ALARM, event) == ""
    assert tell(contact, ALARM, event) == "capped: number"


def test_alarm_of_a_confirmed_contact_meets_no_cap_that_others_fill(
    wearer: User, event: SosEvent, person: Any, settings: Any
) -> None:
    settings.SMS_PER_NUMBER = settings.SMS_PER_COUNTRY = settings.SMS_PER_DAY = 1
    settings.SMS_PER_ACCOUNT = 2
    tell(contact_of(person()))
    contact = confirm(contact_of(wearer))
    assert [tell(contact, ALARM, event) for _ in range(4)] == ["", "", "", "capped: account"]


def test_call_of_a_helper_counts_for_the_one_who_needs_help(
    event: SosEvent, wearer: User, helper: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SMS_PER_ACCOUNT = settings.SMS_PER_NUMBER = settings.SMS_PER_COUNTRY = settings.SMS_PER_DAY = 1
    settings.SMS_TO_HELPERS_PER_ACCOUNT = 1
    monkeypatch.setattr("apps.sos.rules.messages._is_needed", lambda *_: True)
    tell(contact_of(wearer, "+998931234500"))
    called = helper(100)

    def ring(occasion: int) -> str:
        notify(MessageKind.SOS_ALERT, event.uid, {called.pk: {}}, occasion=occasion, text_after=timedelta())
        return settled()

    assert [ring(n) for n in range(3)] == ["", "", "capped: helpers"], "by no other cap, though all are full"
    assert tell(contact_of(called, "+998931234501")) == ""
    assert tell(contact_of(wearer, "+998931234502"), ALARM, event) == ""
    accounts = TextCount.objects.filter(cap__in=["account", "helpers"]).values_list("key", flat=True)
    assert list(accounts) == [str(wearer.pk)], "the helper pays nothing for it"


def test_code_for_a_new_password_waits_for_no_cap(wearer: User, settings: Any) -> None:
    settings.SMS_PER_ACCOUNT = settings.SMS_PER_NUMBER = settings.SMS_PER_COUNTRY = settings.SMS_PER_DAY = 1
    codes.ask(PasswordReset, wearer)
    for _ in range(3):
        notify_by_text(RESET, wearer, key=str(uuid4()), lifetime=timedelta(minutes=10))
    deliver_due("SMS")
    assert set(Notification.objects.values_list("state", flat=True)) == {State.SENT}
    assert not TextCount.objects.filter(cap__in=["account", "number", "pair"]).exists(), "anybody may ask for it"


def test_twenty_one_numbers_of_contacts_a_day_meet_the_caps(wearer: User, settings: Any) -> None:
    settings.SMS_PER_ACCOUNT = 3
    reasons = []
    for number in range(FIRST_TO_CONTACTS_MOST + 5):
        contact = contact_of(wearer, f"+9989312345{number:02d}")
        reasons.append(tell(contact))
        contact.delete()
    assert reasons == [""] * (FIRST_TO_CONTACTS_MOST + 3) + ["capped: account"] * 2


def test_zero_is_no_cap(wearer: User) -> None:
    contact = contact_of(wearer)
    assert {tell(contact) for _ in range(30)} == {""}


def test_contact_who_refused_gets_nothing_not_even_the_first(wearer: User, event: SosEvent) -> None:
    contact = contact_of(wearer, refused_at=timezone.now())
    assert tell(contact, ALARM, event).startswith("refused: ")


def test_number_elsewhere_gets_nothing(wearer: User, event: SosEvent, settings: Any) -> None:
    contact = contact_of(wearer, "+48512345678")
    assert tell(contact, ALARM, event) == "country: not in SMS_COUNTRIES"
    settings.SMS_COUNTRIES = ["UZ", "PL"]
    assert tell(contact, ALARM, event) == ""


def test_dispatcher_sees_that_a_contact_was_not_texted(
    wearer: User, event: SosEvent, dispatcher: User, client_of: Any, settings: Any
) -> None:
    settings.SMS_PER_ACCOUNT = 1
    contact = contact_of(wearer)
    assert [tell(contact, ALARM, event) for _ in range(3)] == ["", "", "capped: account"]
    shown = client_of(dispatcher).get(f"/api/v1/sos/{event.uid}/").json()["contacts"][0]["told"]
    assert [(one["state"], one["reason"]) for one in shown][-1] == ("DROPPED", "capped: account")


def test_second_try_of_a_text_counts_once(wearer: User) -> None:
    contact = contact_of(wearer)
    tell(contact)
    Notification.objects.update(state=State.QUEUED, attempts=1, due_at=timezone.now())
    deliver_due("SMS")
    assert TextCount.objects.get(cap="pair").count == 1


def test_without_a_gateway_nothing_is_counted(wearer: User, settings: Any) -> None:
    settings.SMS_TRANSPORT = ""
    notify_by_text(RESET, wearer, key="k", lifetime=timedelta(minutes=10))
    deliver_due("SMS")
    assert not TextCount.objects.exists()


def test_of_sixty_claimed_at_once_no_more_than_the_cap_go(
    wearer: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SMS_PER_ACCOUNT = 5
    monkeypatch.setattr(delivery, "BATCH", 5)
    contact = contact_of(wearer)
    for _ in range(60):
        notify_contacts(WATCH, None, wearer.pk, {contact.pk: {"wearer_name": ""}}, occasion=str(uuid4()))

    def deliver(_: int) -> None:
        try:
            deliver_due("SMS")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, range(4)))
    assert Counter(Notification.objects.values_list("state", flat=True)) == {State.SENT: 6, State.DROPPED: 54}


def test_batch_of_which_nothing_goes_keeps_no_other_waiting(
    wearer: User, person: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SMS_PER_ACCOUNT = 1
    monkeypatch.setattr(delivery, "BATCH", 5)
    contact, other = contact_of(wearer), contact_of(person())
    for _ in range(20):
        notify_contacts(WATCH, None, wearer.pk, {contact.pk: {"wearer_name": ""}}, occasion=str(uuid4()))
    assert tell(other) == ""


def test_operators_are_alarmed_once_when_the_cap_of_the_day_is_met(
    wearer: User, person: Any, dispatcher: User, settings: Any
) -> None:
    operator = person(role="ADMIN", is_superuser=True)
    settings.SMS_PER_DAY = 3
    contact = contact_of(wearer)

    def alarms() -> list[str]:
        rows = Notification.objects.filter(user=operator, kind="OPERATORS_ALARM", channel="FCM")
        return [row.data["reason"] for row in rows]

    tell(contact)
    look()
    assert alarms() == []
    for _ in range(5):
        tell(contact)
        look()
    assert alarms() == ["TEXTS_CAPPED"]
    deliver_due("SMS")
    assert Notification.objects.get(kind="OPERATORS_ALARM", channel="SMS").state == State.SENT


def test_counts_of_earlier_days_are_forgotten_and_hold_no_number(wearer: User) -> None:
    tell(contact_of(wearer))
    assert not [row for row in TextCount.objects.values_list("key", flat=True) if "931234567" in row]
    TextCount.objects.update(day=timezone.now().date() - timedelta(days=2))
    assert forget_counts() > 0
    assert not TextCount.objects.exists()
