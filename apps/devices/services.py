"""What changes devices and positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import Point
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.http import Http404

from apps.users.models import Role, User

from .models import Device, HelperPosition


class DeviceTaken(Exception):
    """The serial belongs to somebody else's device."""


class DeviceGone(Http404):
    """Its owner removed the device a moment ago."""


@dataclass(frozen=True)
class Fix:
    """A position in degrees WGS 84, speed in m/s, direction in degrees from north, battery in per cent."""

    lat: float
    lon: float
    recorded_at: datetime | None = None
    speed: float | None = None
    direction: float | None = None
    battery_level: int | None = None


def register_device(owner: User, device_uid: str, **fields: Any) -> tuple[Device, bool]:
    """The owner's device and whether it is new; an old one stays as it is. Raises DeviceTaken when it is another's."""
    try:
        with transaction.atomic():
            device, created = Device.objects.get_or_create(device_uid=device_uid, defaults={"owner": owner, **fields})
    except IntegrityError:  # two at once: the other one won
        device, created = Device.objects.get(device_uid=device_uid), False
    if device.owner_id != owner.pk:
        raise DeviceTaken
    return device, created


def change_device(device: Device, changes: dict[str, Any]) -> Device:
    """Keeps what its owner says about it; what they do not mention stays. Raises DeviceGone."""
    if changes and not Device.objects.filter(pk=device.pk).update(**changes):
        raise DeviceGone
    return reread(device)


@transaction.atomic
def remove_device(device: Device) -> None:
    """Takes the device away with its track and its token; a helper then stands where another one was seen last."""
    hold_device(device)
    device.delete()
    place_helper(device.owner)


def forget_person(user: User, **_: object) -> None:
    """Removes an erased person's devices, and where they have been."""
    for device in Device.objects.select_for_update().filter(owner=user).order_by("pk"):
        device.delete()


def hold_device(device: Device) -> None:
    """Locks the device until the transaction ends: no fix comes between its track and itself. Raises DeviceGone."""
    if Device.objects.select_for_update().filter(pk=device.pk).first() is None:
        raise DeviceGone


def reread(device: Device) -> Device:
    """The device as it is now. Raises DeviceGone."""
    found = Device.objects.select_related("token").filter(pk=device.pk).first()
    if found is None:
        raise DeviceGone
    return found


@transaction.atomic
def report_status(device: Device, changes: dict[str, Any], fix: Fix | None) -> Device:
    """Keeps what the device reports about itself; what it does not mention stays. Raises DeviceGone."""
    if fix:
        _keep(device.pk, [fix])
    seen: dict[str, Any] = {"is_online": True, "last_seen_at": Now()}
    if "battery_level" in changes:
        seen["battery_at"] = Now()
    Device.objects.filter(pk=device.pk).update(**seen | changes)
    return reread(device)


def record_fix(device: Device, fix: Fix) -> None:
    """Adds a fix to the device's track, and moves the device (and its helper) there unless a newer one is known.

    Raises DeviceGone.
    """
    _keep(device.pk, [fix])


def record_fixes(device: Device, fixes: Sequence[Fix]) -> int:
    """The same for many fixes in any order, all or none. Returns how many were new. Raises DeviceGone."""
    return _keep(device.pk, fixes) if fixes else 0


# The device's row is updated before its track grows: batches of one device wait for each other there, so that they
# cannot deadlock on equal times, and nothing is added to the track of a device that is being removed.
_KEEP = """
WITH fix AS (
    SELECT n, coalesce(sent.recorded_at, statement_timestamp()) AS claimed_at,
           least(sent.recorded_at, statement_timestamp()) AS recorded_at,
           ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography AS position, speed, direction, battery_level
    FROM unnest(%(lat)s::float8[], %(lon)s::float8[], %(recorded_at)s::timestamptz[],
                %(speed)s::float8[], %(direction)s::float8[], %(battery_level)s::smallint[])
         WITH ORDINALITY AS sent (lat, lon, recorded_at, speed, direction, battery_level, n)
), newest AS (
    SELECT recorded_at, position FROM fix ORDER BY claimed_at DESC, n LIMIT 1
), charge AS (
    SELECT recorded_at, battery_level FROM fix WHERE battery_level IS NOT NULL ORDER BY claimed_at DESC, n LIMIT 1
), seen AS (
    UPDATE devices_device d
    SET is_online = true, last_seen_at = statement_timestamp(),
        position = CASE WHEN d.position_at >= newest.recorded_at THEN d.position ELSE newest.position END,
        position_at = greatest(d.position_at, newest.recorded_at),
        battery_level = CASE WHEN charge.recorded_at IS NULL OR d.battery_at >= charge.recorded_at
                             THEN d.battery_level ELSE charge.battery_level END,
        battery_at = greatest(d.battery_at, charge.recorded_at)
    FROM newest LEFT JOIN charge ON true
    WHERE d.id = %(device)s
    RETURNING d.id, d.owner_id, d.position, d.position_at, d.position_at = newest.recorded_at AS is_there
), track AS (
    INSERT INTO devices_locationtrack (device_id, recorded_at, received_at, position, speed, direction, battery_level)
    SELECT seen.id, fix.recorded_at, statement_timestamp(), fix.position, fix.speed, fix.direction, fix.battery_level
    FROM fix CROSS JOIN seen ORDER BY fix.claimed_at DESC, fix.n
    ON CONFLICT (device_id, recorded_at) DO NOTHING
    RETURNING id
), helper AS (
    INSERT INTO devices_helperposition AS h (user_id, device_id, position, recorded_at)
    SELECT seen.owner_id, seen.id, seen.position, seen.position_at
    FROM seen JOIN users_user u ON u.id = seen.owner_id AND u.role = 'HELPER'
    WHERE seen.is_there
    ON CONFLICT (user_id) DO UPDATE
    SET device_id = excluded.device_id, position = excluded.position, recorded_at = excluded.recorded_at
    WHERE h.recorded_at < excluded.recorded_at
)
SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM track)
"""


def _keep(device_id: int, fixes: Sequence[Fix]) -> int:
    """Returns how many fixes the track did not have yet. Raises DeviceGone.

    A fix from the future counts as from now: one wrong clock must not pin a device to a place. Of several such only the
    latest is kept, as of all that share a time only the first.
    """
    values: dict[str, Any] = {
        "device": device_id,
        "lat": [float(fix.lat) for fix in fixes],
        "lon": [float(fix.lon) for fix in fixes],
        "recorded_at": [fix.recorded_at for fix in fixes],
        "speed": [_float(fix.speed) for fix in fixes],
        "direction": [_float(fix.direction) for fix in fixes],
        "battery_level": [fix.battery_level for fix in fixes],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        found, new = cursor.fetchone()
    if not found:
        raise DeviceGone
    return int(new)


def _float(number: float | None) -> float | None:
    """PostgreSQL's arrays hold one type."""
    return None if number is None else float(number)


@transaction.atomic
def place_helper(user: User, **_: object) -> None:
    """Follows a change of role or devices: a helper stands where a device of theirs was last seen, others nowhere."""
    HelperPosition.objects.filter(user=user).delete()
    newest = Device.objects.filter(owner=user, position__isnull=False).order_by("-position_at").first()
    if user.role == Role.HELPER and newest and newest.position and newest.position_at:
        place = HelperPosition(user=user, device=newest, position=newest.position, recorded_at=newest.position_at)
        HelperPosition.objects.bulk_create([place], ignore_conflicts=True)  # a fix that came meanwhile is newer


def point(lat: float, lon: float) -> Point:
    """Degrees WGS 84, in the order people say them."""
    return Point(lon, lat, srid=4326)


def see_helper(user: User, lat: float, lon: float, **_: object) -> None:
    """A helper says where they are, without a device: their place moves there, their track does not."""
    HelperPosition.objects.filter(user=user).update(position=point(lat, lon), recorded_at=Now())
