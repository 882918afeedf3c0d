"""Device tokens: made, found, revoked. The token itself is nowhere but in the device."""

import hashlib
import secrets
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from mdd_backend.database import prepared

from .. import sql
from ..models import Device, DeviceToken, RevokedToken
from .recording import USE_NOTED_EVERY
from .registry import hold_device

PREFIX = "mdd_device_"


@transaction.atomic
def issue_token(device: Device) -> str:
    """A new token, the only one that is good from now on. Raises DeviceRemoved."""
    hold_device(device)
    raw = PREFIX + secrets.token_urlsafe(32)
    revoke_token(device)
    DeviceToken.objects.create(device=device, digest=digest_of(raw))
    return raw


@transaction.atomic
def revoke_token(device: Device) -> None:
    """Makes the device's token invalid, but for an SOS."""
    for token in DeviceToken.objects.select_for_update().select_related("device").filter(device=device):
        token.revoke()


def find_token(raw: str) -> DeviceToken | None:
    """With its device and the device's owner."""
    statement, selected = sql.TOKENS, (sql.TOKEN, sql.TOKENS_DEVICE, sql.TOKENS_OWNER)
    for token, device, owner in prepared.models(statement, [digest_of(raw)], *selected):
        token.device, device.owner = device, owner
        return cast(DeviceToken, token)
    return None


def find_revoked(raw: str) -> RevokedToken | None:
    """With the owner of then, and the device if it is still theirs."""
    token = RevokedToken.objects.select_related("owner", "device").filter(digest=digest_of(raw)).first()
    if token and token.device and token.device.owner_id != token.owner_id:
        token.device = None
    return token


def keep_use(token: DeviceToken) -> None:
    """Writes once an hour, not with every request."""
    since = timezone.now() - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at < since:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=since)
        DeviceToken.objects.filter(stale, digest=token.digest).update(last_used_at=Now())


def digest_of(raw: str) -> str:
    """Plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(raw.encode()).hexdigest()
