"""Codes that let somebody set a new password. None is stored: it is made of a row's nonce and the secret key."""

import secrets
from datetime import timedelta

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

from mdd_backend.digests import keyed

from ..models import PasswordReset, User

LASTS = timedelta(minutes=10)
TRIES = 5
DIGITS = 8


class NoCode(ValueError):
    """The person has asked for no code, or too long ago, or has used it up."""


def ask(user: User) -> None:
    """From now on another code is good, for 10 minutes and 5 tries; the one before is wrong."""
    row = {"nonce": secrets.token_hex(16), "tries": 0, "created_at": Now()}
    PasswordReset.objects.update_or_create(user=user, defaults=row)


def code_for(user: User) -> str:
    """The eight digits to be sent, the same each time. Raises NoCode."""
    reset = _open(user).first()
    if reset is None:
        raise NoCode
    return _codes(user, reset)[0]


def try_code(user: User, code: str) -> bool:
    """Whether `code` is right. A wrong one uses up one of the tries, of which many at once get no more either."""
    left = _open(user).filter(tries__lt=TRIES)
    if not left.update(tries=F("tries") + 1):
        return False
    is_right = _is_right(user, code)
    if is_right:
        _open(user).update(tries=F("tries") - 1)
    return is_right


def use(user: User, code: str) -> bool:
    """The same without counting, and a right code is good no more. The person's row must be locked."""
    return _is_right(user, code) and bool(_open(user).delete()[0])


def forget_old() -> None:
    """Deletes codes that have run out."""
    PasswordReset.objects.filter(created_at__lte=Now() - LASTS).delete()


def _open(user: User) -> QuerySet[PasswordReset]:
    return PasswordReset.objects.filter(user=user, created_at__gt=Now() - LASTS)


def _is_right(user: User, code: str) -> bool:
    reset = _open(user).first()
    return reset is not None and any(constant_time_compare(good, code) for good in _codes(user, reset))


def _codes(user: User, reset: PasswordReset) -> list[str]:
    """A new password or a sign-in makes the code before it wrong, too. The second and later: of older secret keys."""
    signed_text = f"{user.uuid}/{user.password}/{user.last_login}/{reset.nonce}"
    digests = keyed("apps.users.rules.resets", signed_text)
    return [f"{int.from_bytes(digest) % 10**DIGITS:0{DIGITS}d}" for digest in digests]
