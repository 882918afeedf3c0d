"""Receipts: the phone says that it shows a message, at a signed address that needs no token."""

from uuid import UUID

from django.conf import settings
from django.core import signing

_SALT = "notifications.receipt"


def receipt_url(notification: UUID) -> str:
    signed = signing.Signer(salt=_SALT).sign(notification.hex)
    return f"{settings.PUBLIC_URL}/api/v1/notifications/receipts/{signed}/"


def notification_of(signed: str) -> UUID | None:
    """The notification a receipt address stands for; None when the signature is not ours."""
    try:
        return UUID(signing.Signer(salt=_SALT).unsign(signed))
    except (signing.BadSignature, ValueError):
        return None
