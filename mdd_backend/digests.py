"""Digests that only this installation can make."""

from django.conf import settings
from django.utils.crypto import salted_hmac


def keyed(salt: str, text: str) -> list[bytes]:
    """SHA-256 of a text under the secret key, and then under each older key that is still good."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [salted_hmac(salt, text, secret=key, algorithm="sha256").digest() for key in keys]
