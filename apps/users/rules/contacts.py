"""Whom a wearer wants told when they need help, and which helpers they never want called."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet
from phonenumber_field.phonenumber import PhoneNumber

from ..models import BlockedHelper, ContactRefusal, EmergencyContact, Role, Status, User
from ..signals import contacts_changed
from .accounts import AccountErased
from .countries import may_be_texted

MOST_CONTACTS, MOST_BLOCKED = 10, 100


class NumberRefused(Exception):
    """The phone number cannot be that of another contact, and why."""


class TooMany(Exception):
    """There is no room for one more."""


class NoSuchContact(Exception):
    """The owner has no such contact."""


class NotAHelper(Exception):
    """The account is no active helper, or the owner's own."""


def _hold(owner: User) -> User:
    """Locks the owner's row, so that of two changes at once the second sees the first. Raises AccountErased."""
    held = User.objects.present().select_for_update(no_key=True).filter(pk=owner.pk).first()
    if held is None:
        raise AccountErased
    return held


def _refuse_number(owner: User, number: PhoneNumber, others: QuerySet[EmergencyContact]) -> None:
    if number == owner.phone_number:
        raise NumberRefused("Is your own.")
    if others.filter(phone_number=number).exists():
        raise NumberRefused("Is already a contact.")
    if not may_be_texted(number):
        raise NumberRefused("No text messages go to this country.")
    if ContactRefusal.objects.filter(owner=owner, phone_number=number).exists():
        raise NumberRefused("Does not want to be your contact.")


def _contact(owner: User, uuid: UUID) -> EmergencyContact:
    contact = owner.emergency_contacts.filter(uuid=uuid).first()
    if contact is None:
        raise NoSuchContact
    return contact


@transaction.atomic
def add_contact(owner: User, phone_number: PhoneNumber, **fields: Any) -> EmergencyContact:
    """In the owner's language and after the others unless `fields` say more.

    Raises NumberRefused, TooMany and AccountErased.
    """
    owner = _hold(owner)
    others = owner.emergency_contacts
    _refuse_number(owner, phone_number, others.all())
    if others.count() >= MOST_CONTACTS:
        raise TooMany(f"At most {MOST_CONTACTS} contacts.")
    last = others.aggregate(last=Max("order"))["last"]
    usual = {"language": owner.language, "order": 0 if last is None else last + 1}
    contact = others.create(phone_number=phone_number, **usual | fields)
    contacts_changed.send(sender=EmergencyContact, user=owner)
    return contact


@transaction.atomic
def change_contact(owner: User, uuid: UUID, changes: dict[str, Any]) -> EmergencyContact:
    """Raises NoSuchContact, NumberRefused, AccountErased. The owner is told only when something is different."""
    owner = _hold(owner)
    contact = _contact(owner, uuid)
    if "phone_number" in changes:
        _refuse_number(owner, changes["phone_number"], owner.emergency_contacts.exclude(uuid=uuid))
    different = {name: value for name, value in changes.items() if getattr(contact, name) != value}
    if "phone_number" in different:
        different |= {"asked_at": None, "confirmed_at": None, "refused_at": None}
    for name, value in different.items():
        setattr(contact, name, value)
    if different:
        contact.save(update_fields=list(different))
        contacts_changed.send(sender=EmergencyContact, user=owner)
    return contact


@transaction.atomic
def remove_contact(owner: User, uuid: UUID) -> None:
    """Raises NoSuchContact, AccountErased."""
    owner = _hold(owner)
    _contact(owner, uuid).delete()
    contacts_changed.send(sender=EmergencyContact, user=owner)


@transaction.atomic
def block_helper(owner: User, helper: UUID) -> tuple[BlockedHelper, bool]:
    """The helper is never called to `owner` again; also whether that is new.

    Raises NotAHelper, TooMany and AccountErased.
    """
    owner = _hold(owner)
    active = User.objects.filter(role=Role.HELPER, status=Status.ACTIVE).exclude(pk=owner.pk)
    blocked = active.filter(uuid=helper).first()
    if blocked is None:
        raise NotAHelper
    existing = owner.blocked_helpers.filter(helper=blocked).first()
    if existing:
        return existing, False
    if owner.blocked_helpers.count() >= MOST_BLOCKED:
        raise TooMany(f"At most {MOST_BLOCKED} helpers.")
    return owner.blocked_helpers.create(helper=blocked), True


def unblock_helper(owner: User, helper: UUID) -> bool:
    """False when they were not blocked."""
    return owner.blocked_helpers.filter(helper__uuid=helper).delete()[0] > 0
