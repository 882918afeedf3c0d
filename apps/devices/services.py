"""What changes devices and positions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import Point
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from apps.users.models import Role, User

from .models import Device, HelperPosition


class DeviceTaken(Exception):
    """The serial belongs to somebody else's device."""


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
    """The owner's device and whether it is new. Raises DeviceTaken when it is another's."""
    try:
        with transaction.atomic():
            device, created = Device.objects.get_or_create(device_uid=device_uid, defaults={"owner": owner, **fields})
    except IntegrityError:  # two at once: the other one won
        device, created = Device.objects.get(device_uid=device_uid), False
    if device.owner_id != owner.pk:
        raise DeviceTaken
    return device, created


@transaction.atomic
def report_status(device: Device, changes: dict[str, Any], fix: Fix | None) -> Device:
    """Keeps what the device reports about itself; what it does not mention stays."""
    seen = {"is_online": True, "last_seen_at": Now()} | changes
    Device.objects.filter(pk=device.pk).update(**seen)
    if fix:
        _keep(device.pk, fix)
    device.refresh_from_db()
    return device


@transaction.atomic
def record_fix(device: Device, fix: Fix) -> None:
    """Adds a fix to the device's track, and moves the device (and its helper) there unless a newer one is known."""
    seen: dict[str, Any] = {"is_online": True, "last_seen_at": Now()}
    if fix.battery_level is not None:
        seen["battery_level"] = fix.battery_level
    Device.objects.filter(pk=device.pk).update(**seen)
    _keep(device.pk, fix)


_KEEP = """
WITH fix AS (
    SELECT %(device)s::bigint AS device_id,
           least(coalesce(%(recorded_at)s::timestamptz, clock_timestamp()), clock_timestamp()) AS recorded_at,
           ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography AS position
), track AS (
    INSERT INTO devices_locationtrack (device_id, recorded_at, received_at, position, speed, direction, battery_level)
    SELECT device_id, recorded_at, clock_timestamp(), position, %(speed)s, %(direction)s, %(battery_level)s FROM fix
    ON CONFLICT (device_id, recorded_at) DO NOTHING
), moved AS (
    UPDATE devices_device d SET position = fix.position, position_at = fix.recorded_at FROM fix
    WHERE d.id = fix.device_id AND (d.position_at IS NULL OR d.position_at <= fix.recorded_at)
    RETURNING d.id, d.owner_id, d.position, d.position_at
)
INSERT INTO devices_helperposition AS h (user_id, device_id, position, recorded_at)
SELECT moved.owner_id, moved.id, moved.position, moved.position_at
FROM moved JOIN users_user u ON u.id = moved.owner_id AND u.role = 'HELPER'
ON CONFLICT (user_id) DO UPDATE
SET device_id = excluded.device_id, position = excluded.position, recorded_at = excluded.recorded_at
WHERE h.recorded_at <= excluded.recorded_at
"""


def _keep(device_id: int, fix: Fix) -> None:
    """A fix from the future counts as from now: one wrong clock must not pin a device to a place."""
    values = {
        "device": device_id,
        "lat": fix.lat,
        "lon": fix.lon,
        "recorded_at": fix.recorded_at,
        "speed": fix.speed,
        "direction": fix.direction,
        "battery_level": fix.battery_level,
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)


def place_helper(user: User, **_: object) -> None:
    """Follows a change of role: a new helper stands where a device of theirs was last seen, a former one nowhere."""
    HelperPosition.objects.filter(user=user).delete()
    newest = Device.objects.filter(owner=user, position__isnull=False).order_by("-position_at").first()
    if user.role == Role.HELPER and newest and newest.position and newest.position_at:
        HelperPosition.objects.create(
            user=user, device=newest, position=newest.position, recorded_at=newest.position_at
        )


def point(lat: float, lon: float) -> Point:
    """Degrees WGS 84, in the order people say them."""
    return Point(lon, lat, srid=4326)
