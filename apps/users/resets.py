"""Codes that let somebody set a new password. Nothing is stored, as in Django's PasswordResetTokenGenerator."""

import time

from django.utils.crypto import constant_time_compare, salted_hmac

from .models import User

WINDOW_S = 600


def _code(user: User, window: int) -> str:
    """A new password or a sign-in makes the codes before it wrong: each is good once."""
    said = f"{user.uuid}/{user.password}/{user.last_login}/{window}"
    digest = salted_hmac("apps.users.resets", said, algorithm="sha256").digest()
    return f"{int.from_bytes(digest) % 1_000_000:06d}"


def code_for(user: User) -> str:
    """Six digits, good for 10 to 20 minutes."""
    return _code(user, int(time.time()) // WINDOW_S)


def code_is_right(user: User, code: str) -> bool:
    """Whether `code` is of this window of 10 minutes or of the one before."""
    now = int(time.time()) // WINDOW_S
    return any(constant_time_compare(_code(user, window), code) for window in (now, now - 1))
