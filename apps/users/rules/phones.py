"""A phone that is proven: whoever holds the account has used a code that was sent to it.

It is asked of those who become helpers or take over a device, and never of whoever needs help; and only where text
messages reach phones.
"""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ..kinds import Deed
from ..models import PhoneProof, Role, User
from ..signals import phone_code_requested, phone_confirmed, standing_changed
from . import attachments, codes, record

DEVELOPMENTS = "console"


class PhoneNotProven(Exception):
    """The person must prove their phone first."""

    def __init__(self) -> None:
        super().__init__("The phone number is not proven yet: a code sent to it must be confirmed first.")


class NoTexts(Exception):
    """No text message can be sent to a phone here."""


class WrongCode(Exception):
    """No active account has this phone and this code."""


def is_asked() -> bool:
    """Whether phones must be proven: where a gateway sends text messages."""
    return settings.SMS_TRANSPORT not in {"", DEVELOPMENTS}


def require_proof(user: User) -> None:
    """Raises PhoneNotProven where it is asked and they have not."""
    if is_asked() and not user.is_phone_proven:
        raise PhoneNotProven


@transaction.atomic
def request_code(user: User) -> None:
    """Sends a code to their phone, at most one a minute and five an hour. Raises NoTexts."""
    if not settings.SMS_TRANSPORT:
        raise NoTexts
    phone_code_requested.send(sender=User, user=user)


def confirm(user: User, code: str, keep: dict[str, list[Any]] | None = None) -> User:
    """The phone is proven from now on. Everything stays as it is, unless a reset has left the choice (`keep`) waiting.

    Raises WrongCode, and counts it; ChooseWhatStays; StillNeeded while there is a choice and their SOS is open.
    """
    if not codes.try_code(PhoneProof, user, code):
        raise WrongCode
    return _confirm(user, code, keep)


@transaction.atomic
def _confirm(user: User, code: str, keep: dict[str, list[Any]] | None) -> User:
    """Raises WrongCode to the second of two who use it at once. Who waits for it becomes a helper where they may."""
    user.refresh_from_db(from_queryset=User.objects.present().select_for_update())
    found = attachments.of(user) if user.choice_waits else {}
    if found:
        attachments.refuse_while_needed(user)
        if keep is None:
            raise attachments.ChooseWhatStays(found)
    if not codes.use(PhoneProof, user, code):
        raise WrongCode
    removed = attachments.keep_only(user, keep or {}) if found else []
    user.phone_confirmed_at = timezone.now()
    user.choice_waits = False
    user.save(update_fields=["phone_confirmed_at", "choice_waits"])
    changed = None
    if settings.HELPERS_AUTO_APPROVE and user.wants_to_help and user.role == Role.USER:
        changed = {"role": [Role.USER, Role.HELPER]}
        user.role = Role.HELPER
        user.save(update_fields=["role"])
        standing_changed.send(sender=User, user=user)
    phone_confirmed.send(sender=User, user=user)
    record.keep_deed(Deed.PHONE_PROVEN, user, user, changed=changed)
    for device in removed:
        record.keep_deed(Deed.DEVICE_REMOVED, user, user, device=device)
    return user
