"""The page on which an emergency contact follows an event, at a signed address that needs no account."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing

from apps.users.models import EmergencyContact

from ..kinds import COMING, AlertStatus, JournalKind
from ..models import SosEvent
from .events import with_people
from .privacy import metres_shown

_SALT = "sos.live"


@dataclass(frozen=True)
class Help:
    """Who is coming, as far as a contact may know. nearest_m: `privacy.metres_shown`."""

    coming: int
    is_there: bool
    nearest_m: int | None


def live_url(event_uid: UUID, contact_id: int) -> str:
    """The signed address of the page on which a contact follows an event."""
    signed = signing.Signer(salt=_SALT).sign(f"{event_uid.hex}-{contact_id}")
    return f"{settings.PUBLIC_URL}/live/{signed}/"


def opened(signed: str) -> tuple[SosEvent, EmergencyContact] | None:
    """What an address stands for; None when the signature is not ours, or they are a contact no more."""
    try:
        uid, _, contact_id = signing.Signer(salt=_SALT).unsign(signed).partition("-")
    except signing.BadSignature:
        return None
    event = with_people(SosEvent.objects.filter(uid=UUID(uid))).first()
    contact = EmergencyContact.objects.filter(pk=int(contact_id)).first()
    return (event, contact) if event and contact and contact.owner_id == event.user_id else None


def help_for(event: SosEvent) -> Help:
    """Of an event whose `alerts` have been read with `place`: all of them, or those who come."""
    coming: list[Any] = [alert for alert in event.alerts.all() if alert.status in COMING]
    metres = [metres_shown(event.position, alert.place) for alert in coming]
    is_there = any(alert.status == AlertStatus.ON_SCENE for alert in coming)
    return Help(len(coming), is_there, min((far for far in metres if far is not None), default=None))


def has_answered(event: SosEvent, contact_id: int) -> bool:
    """Whether the contact has said that they have seen it."""
    answers = event.journal.filter(kind=JournalKind.CONTACT_ANSWERED)
    return bool(answers.filter(data__contact=contact_id).exists())
