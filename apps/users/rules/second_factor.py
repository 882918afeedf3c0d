"""The second factor of dispatchers: a code of an authenticator app (TOTP, RFC 6238), or one of ten recovery codes."""

import hashlib
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from ..kinds import Deed
from ..models import BrowserSession, RecoveryCode, Role, User
from ..signals import second_factor_set
from . import record

GRACE = timedelta(days=7)
WAITS = timedelta(days=1)
RECOVERY_CODES = 10
ISSUER = "MDD"


class WrongCode(Exception):
    """It is neither the app's present code nor an unused recovery code."""


class NotBegun(Exception):
    """No second factor is being set up."""


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app takes: the secret in base 32, or the address, as a QR code."""

    secret: str
    url: str


def is_asked(user: User) -> bool:
    """Whether the account is one that needs a second factor, at the latest when its grace is over."""
    return bool(settings.DISPATCHER_2FA) and user.role == Role.ADMIN


def is_required(user: User) -> bool:
    """Whether without it the account is no dispatcher now: it has one, or its days of grace are over."""
    if not is_asked(user):
        return False
    due_at = user.second_factor_due_at
    return user.second_factor_at is not None or (due_at is not None and due_at <= timezone.now())


def begin_grace(user: User) -> None:
    """The days of grace begin with the first sign-in, or token of an app of before, that asks for a second factor."""
    if is_asked(user) and user.second_factor_at is None and user.second_factor_due_at is None:
        user.second_factor_due_at = timezone.now() + GRACE
        User.objects.filter(pk=user.pk, second_factor_due_at=None).update(
            second_factor_due_at=user.second_factor_due_at
        )


@transaction.atomic
def begin(user: User, sign_in: str) -> Enrolment:
    """A secret that becomes the second factor once a code of it is confirmed; until then again the same.

    sign_in: the session that it belongs to. No other one sees it, or a thief who has begun first would have it too.
    """
    _hold(user)
    waiting = TOTPDevice.objects.filter(user=user, confirmed=False)
    waiting.filter(created_at__lt=Now() - WAITS).delete()
    waiting, _ = waiting.get_or_create(name=sign_in, defaults={"user": user, "confirmed": False})
    secret = b32encode(waiting.bin_key).decode()
    label = quote(f"{ISSUER}:{user.phone_number}")
    return Enrolment(secret, f"otpauth://totp/{label}?secret={secret}&issuer={ISSUER}&digits=6&period=30")


@transaction.atomic
def confirm(user: User, code: str, sign_in: str) -> list[str]:
    """The secret that `sign_in` has begun is the second factor from now on, and these replace the recovery codes.

    Other browsers are signed out: they were let in without it. Raises NotBegun and WrongCode.
    """
    _hold(user)
    waiting = TOTPDevice.objects.filter(user=user, confirmed=False, name=sign_in).first()
    if waiting is None:
        raise NotBegun
    if not _is_right(waiting, code):
        raise WrongCode
    TOTPDevice.objects.filter(user=user).exclude(pk=waiting.pk).delete()
    BrowserSession.objects.filter(user=user).exclude(session_key=sign_in).delete()
    waiting.confirmed = True
    waiting.save()
    user.second_factor_at = timezone.now()
    user.save(update_fields=["second_factor_at"])
    codes = [secrets.token_hex(10) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    second_factor_set.send(sender=User, user=user)
    record.keep_deed(Deed.SECOND_FACTOR_SET, user, user)
    return ["-".join((code[:5], code[5:10], code[10:15], code[15:])) for code in codes]


@transaction.atomic
def use(user: User, code: str) -> None:
    """Raises WrongCode, also for a code that was used a moment ago."""
    _hold(user)
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    is_right = device is not None and _is_right(device, code)
    if not is_right and not RecoveryCode.objects.filter(user=user, digest=_digest(code)).delete()[0]:
        raise WrongCode


@transaction.atomic
def reset(user: User) -> None:
    """Takes the second factor away and begins the days of grace again: for who has lost phone and recovery codes."""
    _hold(user)
    forget(user)
    user.second_factor_at, user.second_factor_due_at = None, timezone.now() + GRACE
    user.save(update_fields=["second_factor_at", "second_factor_due_at"])
    record.keep_deed(Deed.SECOND_FACTOR_RESET, None, user)


def forget(user: User) -> None:
    """Deletes what the second factor is checked by."""
    TOTPDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def _is_right(device: TOTPDevice, code: str) -> bool:
    """The device counts steps, so a code is good once; tries are limited as passwords are, and not by it too."""
    device.throttling_failure_count = 0
    return code.isascii() and code.isdecimal() and bool(device.verify_token(code))


def _digest(code: str) -> str:
    """Plain SHA-256 is enough for 80 random bits. As people type it: dashes and blanks make no difference."""
    typed = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(typed.encode()).hexdigest()


def _hold(user: User) -> None:
    """Of two codes at once the second sees what the first has used."""
    user.refresh_from_db(from_queryset=User.objects.select_for_update())
