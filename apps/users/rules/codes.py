"""Codes that are sent to a phone: to set a new password, or to show that it is one's own.

None is stored: it is made of a row's nonce and the secret key. Each kind has rows of its own, and a code of one is
wrong for the other.
"""

import secrets
from datetime import timedelta

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

from mdd_backend.digests import keyed

from ..models import PasswordReset, PhoneProof, User

LASTS = timedelta(minutes=10)
TRIES = 5
DIGITS = 8
Kind = type[PasswordReset] | type[PhoneProof]
_SALTS: dict[Kind, str] = {PasswordReset: "apps.users.rules.resets", PhoneProof: "apps.users.rules.codes.proof"}


class NoCode(ValueError):
    """The person has asked for no code, or too long ago, or has used it up."""


def ask(kind: Kind, user: User) -> None:
    """From now on another code is good, for 10 minutes and 5 tries; the one before is wrong."""
    row = {"nonce": secrets.token_hex(16), "tries": 0, "created_at": Now()}
    kind.objects.update_or_create(user=user, defaults=row)


def code_for(kind: Kind, user: User) -> str:
    """The eight digits to be sent, the same each time. Raises NoCode."""
    row = _open(kind, user).first()
    if row is None:
        raise NoCode
    return _codes(kind, user, row.nonce)[0]


def try_code(kind: Kind, user: User, code: str) -> bool:
    """Whether `code` is right. A wrong one uses up one of the tries, of which many at once get no more either."""
    left = _open(kind, user).filter(tries__lt=TRIES)
    if not left.update(tries=F("tries") + 1):
        return False
    is_right = _is_right(kind, user, code)
    if is_right:
        _open(kind, user).update(tries=F("tries") - 1)
    return is_right


def use(kind: Kind, user: User, code: str) -> bool:
    """The same without counting, and a right code is good no more. The person's row must be locked."""
    return _is_right(kind, user, code) and bool(_open(kind, user).delete()[0])


def forget_old() -> None:
    """Deletes codes that have run out."""
    for kind in _SALTS:
        kind.objects.filter(created_at__lte=Now() - LASTS).delete()


def _open(kind: Kind, user: User) -> QuerySet[PasswordReset] | QuerySet[PhoneProof]:
    return kind.objects.filter(user=user, created_at__gt=Now() - LASTS)


def _is_right(kind: Kind, user: User, code: str) -> bool:
    row = _open(kind, user).first()
    return row is not None and any(constant_time_compare(good, code) for good in _codes(kind, user, row.nonce))


def _codes(kind: Kind, user: User, nonce: str) -> list[str]:
    """A new password or a sign-in makes the code before it wrong, too. The second and later: of older secret keys."""
    signed_text = f"{user.uuid}/{user.password}/{user.last_login}/{nonce}"
    digests = keyed(_SALTS[kind], signed_text)
    return [f"{int.from_bytes(digest) % 10**DIGITS:0{DIGITS}d}" for digest in digests]
