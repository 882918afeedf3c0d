"""What is read about devices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, FloatField, Func, Max, QuerySet

from apps.users.models import User
from mdd_backend.api.refusals import Missing

from ..models import Device, LocationTrack


def devices_known_to(viewer: User) -> QuerySet[Device]:
    """A dispatcher's: everybody's; anybody else's: their own. What one does not know does not exist for them."""
    devices = Device.objects.select_related("token")
    return devices if viewer.is_dispatcher else devices.filter(owner=viewer)


def device_known_to(viewer: User, device_uid: str) -> Device:
    """Raises Missing."""
    return _only(devices_known_to(viewer).filter(device_uid=device_uid))


def device_of(owner: User, device_uid: str) -> Device:
    """The owner's device. Another's does not exist for them: raises Missing either way."""
    return _only(Device.objects.select_related("token").filter(owner=owner, device_uid=device_uid))


def devices_in_trouble() -> QuerySet[Device]:
    """Those silent or low on battery now, the newest trouble first; each with `kinds` and the last one's `since`."""
    troubled = Device.objects.select_related("owner").filter(troubles__over_at=None, troubles__isnull=False)
    newest, kinds = Max("troubles__since"), ArrayAgg("troubles__kind", order_by="troubles__kind")
    return troubled.annotate(since=newest, kinds=kinds).order_by("-since", "pk")


def _only(devices: QuerySet[Device]) -> Device:
    device = devices.first()
    if device is None:
        raise Missing
    return device


@dataclass(frozen=True)
class Track:
    """Fixes of a device from `since` until before `until`, the oldest first; what is left begins at `next_from`."""

    device_uid: str
    since: datetime
    until: datetime
    fixes: list[dict[str, Any]]
    next_from: datetime | None


def track_of(device: Device, since: datetime, until: datetime, limit: int) -> Track:
    """At most `limit` fixes. Both bounds travel as literals, so that only the days between them are read."""
    rows = (
        LocationTrack.objects.filter(device=device, recorded_at__gte=since, recorded_at__lt=until)
        .annotate(lat=_degrees("Y"), lon=_degrees("X"))
        .order_by("recorded_at")
        .values("recorded_at", "received_at", "lat", "lon", "speed", "direction", "battery_level")
    )
    fixes = list(rows[: limit + 1])
    next_from = fixes[limit]["recorded_at"] if len(fixes) > limit else None
    return Track(device.device_uid, since, until, fixes[:limit], next_from)


def _degrees(axis: str) -> Func:
    return Func(F("position"), template=f"ST_{axis}(%(expressions)s::geometry)", output_field=FloatField())
