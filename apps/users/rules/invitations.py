"""Asks an emergency contact once whether they want to be one, by a link whose address is the credential."""

from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models.functions import Now

from ..models import ContactRefusal, EmergencyContact


def _signer(phone_number: object) -> signing.Signer:
    """The link is the number's, too: with another number the contact is somebody else."""
    return signing.Signer(salt=f"users.contact {phone_number}")


def invitation_url(contact: EmergencyContact) -> str:
    """The signed address of the page on which a contact says yes or no."""
    return f"{settings.PUBLIC_URL}/live/c/{_signer(contact.phone_number).sign(str(contact.pk))}/"


def invited(signed: str) -> EmergencyContact | None:
    """What an address stands for; None when the signature is not ours, or they are a contact no more."""
    key, _, _ = signed.partition(":")
    if not (key.isascii() and key.isdecimal() and len(key) < 19):
        return None
    contact = EmergencyContact.objects.select_related("owner").filter(pk=int(key)).first()
    try:
        return contact if contact and _signer(contact.phone_number).unsign(signed) == str(contact.pk) else None
    except signing.BadSignature:
        return None


@transaction.atomic
def answer_invitation(contact: EmergencyContact, *, is_willing: bool) -> None:
    """The contact says yes or no; the last answer holds, also when they are removed and added again."""
    number: dict[str, Any] = {"owner_id": contact.owner_id, "phone_number": contact.phone_number}
    asked = EmergencyContact.objects.filter(pk=contact.pk, phone_number=contact.phone_number)
    held = asked.select_for_update(no_key=True).first()
    if held is None:
        return
    if is_willing and held.confirmed_at is None:
        asked.update(confirmed_at=Now(), refused_at=None)
        ContactRefusal.objects.filter(**number).delete()
    elif not is_willing and held.refused_at is None:
        asked.update(confirmed_at=None, refused_at=Now())
        ContactRefusal.objects.get_or_create(**number, defaults={"at": Now()})
