"""What changes devices and positions."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.db.models import Case, F, When
from django.db.models.functions import Greatest, Now, TruncDate

from apps.users.kinds import Deed
from apps.users.models import User
from apps.users.rules.record import keep_deed
from mdd_backend.api.refusals import Missing
from mdd_backend.database import prepared

from .. import sql
from ..models import ClaimTry, Device, DeviceToken, HelperPosition, LocationTrack, RevokedToken
from .recording import Fix, Kept, record_for

__all__ = ["Fix"]


class DeviceTaken(Exception):
    """The serial belongs to somebody else's device."""


class TooManyDevices(Exception):
    """The account has as many devices as it may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"Your account may have {most} devices, not more: remove one, or ask the operators for more.")


class DeviceRemoved(Missing):
    """Its owner removed the device a moment ago."""


def register_device(owner: User, device_uid: str, **fields: Any) -> tuple[Device, bool]:
    """The owner's device and whether it is new; an old one stays as it is.

    Raises DeviceTaken when it is another's, and TooManyDevices when it would be one more than the account may have.
    """
    device, created = Device.objects.filter(device_uid=device_uid).first(), False
    if device is None:
        try:
            device, created = _register(owner, device_uid, fields)
        except IntegrityError:  # two accounts at once: the other one won
            device = Device.objects.get(device_uid=device_uid)
    if device.owner_id != owner.pk:
        raise DeviceTaken
    return device, created


@transaction.atomic
def _register(owner: User, device_uid: str, fields: dict[str, Any]) -> tuple[Device, bool]:
    device, created = add_device(owner, device_uid, fields)
    if created:
        keep_deed(Deed.DEVICE_ADDED, owner, owner, device=str(device.uuid))
    return device, created


@transaction.atomic
def add_device(owner: User, device_uid: str, fields: dict[str, Any]) -> tuple[Device, bool]:
    """A device under a serial that is nobody's, and whether it is new. Raises TooManyDevices.

    Under the lock of the owner's row: of many at once each counts those before it, or finds itself there already.
    """
    most = User.objects.select_for_update(no_key=True).get(pk=owner.pk).devices_most or settings.DEVICES_PER_ACCOUNT
    if device := Device.objects.filter(device_uid=device_uid).first():
        return device, False
    if Device.objects.filter(owner=owner).count() >= most:
        raise TooManyDevices(most)
    return Device.objects.create(device_uid=device_uid, owner=owner, **fields), True


def change_device(device: Device, changes: dict[str, Any]) -> Device:
    """Keeps what its owner says about it; what they do not mention stays. Raises DeviceRemoved.

    With another wearer it is no longer the pair that a dispatcher knows.
    """
    if any(changes.get(name, getattr(device, name)) != getattr(device, name) for name in _WEARER):
        changes = changes | {"proven_at": None}
    if changes and not Device.objects.filter(pk=device.pk).update(**changes):
        raise DeviceRemoved
    return reread(device)


_WEARER = ("wearer_name", "wearer_phone")


@transaction.atomic
def prove_device(device: Device, dispatcher: User) -> Device:
    """A dispatcher knows the watch and its wearer: it is established from now on; again: the same.

    Raises DeviceRemoved.
    """
    if Device.objects.filter(pk=device.pk, proven_at=None).update(proven_at=Now()):
        keep_deed(Deed.DEVICE_PROVEN, dispatcher, device.owner, device=str(device.uuid))
    return reread(device)


@transaction.atomic
def take_proof_back(device: Device, dispatcher: User) -> None:
    """It is established only if it has reported on enough days; also when nobody has said otherwise."""
    if Device.objects.filter(pk=device.pk).exclude(proven_at=None).update(proven_at=None):
        keep_deed(Deed.PROOF_TAKEN_BACK, dispatcher, device.owner, device=str(device.uuid))


@transaction.atomic
def remove_device(device: Device, actor: User | None = None) -> None:
    """Takes the device away with its track and its token; a helper then stands where another one was seen last.

    actor: who does it, for the journal; None where what follows is journalled.
    """
    hold_device(device)
    for token in DeviceToken.objects.filter(device=device):
        token.revoke()
    owner = device.owner
    device.delete()
    place_helper(owner)
    if actor:
        keep_deed(Deed.DEVICE_REMOVED, actor, owner, device=str(device.uuid))


def forget_person(user: User, **_: object) -> None:
    """Removes an erased person's devices, and where they have been."""
    ClaimTry.objects.filter(user=user).delete()
    RevokedToken.objects.filter(owner=user).delete()
    for device in Device.objects.select_for_update().filter(owner=user).order_by("pk"):
        device.delete()


def attached_devices(user: User, **_: object) -> dict[str, list[dict[str, Any]]]:
    """A person's devices, as they are shown what is attached to their account."""
    devices = Device.objects.filter(owner=user).order_by("pk")
    return {"devices": [dict(row) for row in devices.values("device_uid", "model", "wearer_name", "created_at")]}


def exported(user: User, **_: object) -> dict[str, Any]:
    """A person's devices and where they were, for their archive."""
    shown = [field.name for field in Device._meta.fields if field.name not in {"id", "owner"}]
    fixes = LocationTrack.objects.filter(device__owner=user).order_by("device_id", "recorded_at")
    measured = ("recorded_at", "received_at", "position", "speed", "direction", "battery_level")
    return {
        "devices": Device.objects.filter(owner=user).values(*shown),
        "track": fixes.values("device__device_uid", *measured),
    }


def keep_devices(user: User, kept: Mapping[str, Sequence[Any]], **_: object) -> list[str]:
    """Of these only those stay that are theirs; the uuids of the others."""
    gone = list(Device.objects.filter(owner=user).exclude(device_uid__in=kept.get("devices", ())).order_by("pk"))
    for device in gone:
        remove_device(device)
    return [str(device.uuid) for device in gone]


def hold_device(device: Device) -> None:
    """Locks the device until the transaction ends: no fix comes between its track and itself. Raises DeviceRemoved."""
    if Device.objects.select_for_update().filter(pk=device.pk).first() is None:
        raise DeviceRemoved


def reread(device: Device) -> Device:
    """The device as it is now. Raises DeviceRemoved."""
    current = Device.objects.select_related("token").filter(pk=device.pk).first()
    if current is None:
        raise DeviceRemoved
    return current


@transaction.atomic
def report_status(device: Device, changes: dict[str, Any], fix: Fix | None) -> Device:
    """Keeps what the device reports about itself; what it does not mention stays. Raises DeviceRemoved."""
    if fix:
        _keep(device.pk, [fix])
    seen: dict[str, Any] = {"is_online": True, "last_seen_at": Now(), **_count_day()}
    if "battery_level" in changes:
        seen["battery_at"] = Now()
    Device.objects.filter(pk=device.pk).update(**seen | changes)
    return reread(device)


def _count_day() -> dict[str, Any]:
    """Counts today among the days on which a device has reported, once, as the statements in sql.py do."""
    today = TruncDate(Now(), tzinfo=UTC)
    days = Case(When(seen_day__gte=today, then=F("days_seen")), default=F("days_seen") + 1)
    return {"days_seen": days, "seen_day": Greatest("seen_day", today)}


def see_device(device: Device) -> bool:
    """It has spoken, just now. False when its owner has removed it a moment ago."""
    return bool(prepared.rows(sql.SEEN, [device.pk]))


def hear_of_device(device: Device) -> bool:
    """The same, said by somebody who may not speak for it any more: it counts as silent as before."""
    return bool(prepared.rows(sql.STAYS, [device.pk]))


def record_fix(device: Device, fix: Fix) -> Kept:
    """Adds a fix to the device's track, and moves the device (and its helper) there unless a newer one is known.

    Returns what became of it. Raises DeviceRemoved.
    """
    return _keep(device.pk, [fix])


def record_fixes(device: Device, fixes: Sequence[Fix]) -> Kept:
    """The same for many fixes in any order, in one transaction. Raises DeviceRemoved."""
    return _keep(device.pk, fixes) if fixes else Kept(0)


def _keep(device_id: int, fixes: Sequence[Fix]) -> Kept:
    """Raises DeviceRemoved."""
    kept = record_for(device_id, fixes)
    if kept is None:
        raise DeviceRemoved
    return kept


@transaction.atomic
def place_helper(user: User, **_: object) -> None:
    """Follows a change of role or devices: a helper stands where a device of theirs was last seen."""
    place = HelperPosition.objects.select_for_update().filter(user=user).first()
    if place is None:
        return
    newest = Device.objects.filter(owner=user, position__isnull=False).order_by("-position_at").first()
    place.device = newest
    place.position, place.recorded_at = (newest.position, newest.position_at) if newest else (None, None)
    place.save(update_fields=["device", "position", "recorded_at"])


def point(lat: float, lon: float) -> Point:
    """Degrees WGS 84, in the order people say them."""
    return Point(lon, lat, srid=4326)


def see_helper(user: User, lat: float, lon: float, **_: object) -> None:
    """A helper says where they are, without a device: their place moves there, their track does not."""
    prepared.rows(sql.HELPER_SEEN, {"user": user.pk, "lat": lat, "lon": lon})
