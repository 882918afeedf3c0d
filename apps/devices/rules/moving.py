"""Moves a device from one account to another: by a code that its owner makes, or by a dispatcher.

It begins anew there, as after a removal: its track, its token and the notes of its owner before do not go along.
"""

import math
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.crypto import constant_time_compare

from apps.users.kinds import Deed
from apps.users.models import User
from apps.users.rules.phones import require_proof
from apps.users.rules.record import keep_deed
from mdd_backend.database.clock import now
from mdd_backend.digests import keyed

from ..models import ClaimTry, Device, DeviceClaim
from .registry import DeviceTaken, add_device, hold_device, register_device, remove_device

CODE_LASTS = timedelta(hours=24)
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # without those that look like others
LENGTH = 8
TRIES, TRIES_WITHIN = 5, timedelta(hours=1)


class TooManyTries(Exception):
    """The account has tried so many codes lately that the next one is looked at in `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


@transaction.atomic
def make_claim_code(device: Device) -> tuple[str, datetime]:
    """A code by which another account may register the device once, and until when; the code before it is wrong.

    Only its digest is kept, under the secret key. Raises DeviceRemoved.
    """
    hold_device(device)
    code, at = "".join(secrets.choice(LETTERS) for _ in range(LENGTH)), now()
    row = {"digest": _digests(device, code)[0], "created_at": at}
    DeviceClaim.objects.update_or_create(device=device, defaults=row)
    return code, at + CODE_LASTS


def withdraw_claim_code(device: Device) -> None:
    """Makes the device's code wrong; also when there is none."""
    DeviceClaim.objects.filter(device=device).delete()


def register_by_code(owner: User, device_uid: str, code: str, **fields: Any) -> tuple[Device, bool]:
    """As register_device, which needs no code where the device is nobody else's; else by its owner's code.

    Raises DeviceTaken, also for a wrong code; TooManyTries, TooManyDevices, and phones.PhoneNotProven.
    """
    try:
        return register_device(owner, device_uid, **fields)
    except DeviceTaken:
        require_proof(owner)
        begun = _begin_try(owner)
    device = _claim(owner, device_uid, code, fields)
    begun.delete()
    return device, True


@transaction.atomic
def move_device(device: Device, owner: User, dispatcher: User, reason: str) -> Device:
    """Gives a device to `owner`, and notes who did so and why; nothing when it is theirs already.

    Raises DeviceRemoved and TooManyDevices.
    """
    if device.owner_id == owner.pk:
        return device
    return _move(device, owner, {"model": device.model}, dispatcher, reason)


@transaction.atomic
def _begin_try(user: User) -> ClaimTry:
    """Counts a try before anybody looks at the code, under the lock of the account's row."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    at = now()
    tries = ClaimTry.objects.filter(user=user)
    tries.filter(at__lte=at - TRIES_WITHIN).delete()
    lately = list(tries.order_by("at").values_list("at", flat=True))
    if len(lately) >= TRIES:
        free_at: datetime = lately[-TRIES] + TRIES_WITHIN
        raise TooManyTries(max(1, math.ceil((free_at - at).total_seconds())))
    begun: ClaimTry = ClaimTry.objects.create(user=user, at=at)
    return begun


@transaction.atomic
def _claim(owner: User, device_uid: str, code: str, fields: dict[str, Any]) -> Device:
    """Raises DeviceTaken when the code is not good."""
    device = (
        Device.objects.select_for_update(of=("self",)).select_related("owner").filter(device_uid=device_uid).first()
    )
    claim = DeviceClaim.objects.filter(device=device, created_at__gt=now() - CODE_LASTS).first() if device else None
    if (
        device is None
        or claim is None
        or not any(constant_time_compare(digest, claim.digest) for digest in _digests(device, code))
    ):
        raise DeviceTaken
    return _move(device, owner, fields, owner)


def _move(device: Device, owner: User, fields: dict[str, Any], actor: User, reason: str = "") -> Device:
    """In the caller's transaction."""
    device_uid, before = device.device_uid, device.owner
    remove_device(device)
    moved, _ = add_device(owner, device_uid, fields)
    keep_deed(Deed.DEVICE_MOVED, actor, owner, device=str(moved.uuid), before=before.pk, remark=reason)
    return moved


def _digests(device: Device, code: str) -> list[str]:
    """As people type it: small letters, blanks and dashes make no difference. The later ones: under older keys."""
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    return [digest.hex() for digest in keyed("apps.devices.rules.moving", f"{device.uuid}/{typed}")]
