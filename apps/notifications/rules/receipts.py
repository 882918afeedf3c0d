"""Signed addresses that need no token: there a phone says that it shows a message, a gateway what became of it."""

from uuid import UUID

from django.conf import settings
from django.core import signing

_RECEIPT, _STATUS = "notifications.receipt", "notifications.status"


def receipt_url(notification: UUID) -> str:
    """Where a phone says that it shows the message."""
    return f"{settings.PUBLIC_URL}/api/v1/notifications/receipts/{_signed(notification, _RECEIPT)}/"


def status_url(notification: UUID, gateway: str) -> str:
    """Where a gateway may say what became of a message."""
    return f"{settings.PUBLIC_URL}/api/v1/notifications/{gateway}/{_signed(notification, _STATUS)}/"


def notification_of(signed: str) -> UUID | None:
    """The notification a receipt address stands for; None when the signature is not ours."""
    return _notification(signed, _RECEIPT)


def notification_of_status(signed: str) -> UUID | None:
    """The same for a gateway's address."""
    return _notification(signed, _STATUS)


def _signed(notification: UUID, salt: str) -> str:
    return signing.Signer(salt=salt).sign(notification.hex)


def _notification(signed: str, salt: str) -> UUID | None:
    try:
        return UUID(signing.Signer(salt=salt).unsign(signed))
    except (signing.BadSignature, ValueError):
        return None
