"""Watches and phones, and where they are."""

from typing import ClassVar

from django.contrib import admin, messages
from django.contrib.gis.geos import Point
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apps.users.admin_pages import DispatcherPage, LogPage, LookedAtPage, link, name_of, person, signed_in
from apps.users.models import User

from .models import Device, DeviceToken, HelperPosition, LocationTrack
from .rules import registry
from .rules.maps import Mark, draw, way_of


def place(position: Point | None) -> str:
    """Latitude and longitude in degrees, in the order people say them."""
    return f"{position.y:.6f}, {position.x:.6f}" if position else "-"


# Everything there is, but the place as people write and see it.
_SHOWN_OTHERWISE = {"id", "owner", "position"}
_DEVICE_FACTS = [field.name for field in Device._meta.fields if field.name not in _SHOWN_OTHERWISE]


@admin.register(Device)
class DevicePage(LookedAtPage):
    list_display = ("device_uid", "model", "whose", "is_online", "battery_level", "last_seen_at", "position_at")
    list_filter = ("is_online", "last_seen_at")
    list_select_related = ("owner",)
    search_fields = ("device_uid", "model", "owner__phone_number", "owner__full_name")
    uuid_fields = ("uuid",)
    date_hierarchy = "created_at"

    fields = ("whose", *_DEVICE_FACTS, "place", "drawing")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("devices/map.css",)}

    def get_urls(self) -> list[URLPattern]:
        proof = self.admin_site.admin_view(require_POST(self.prove))
        return [path("<int:device_id>/proof/", proof, name="devices_proof"), *super().get_urls()]

    def prove(self, request: HttpRequest, device_id: int) -> HttpResponse:
        """What the button on a device's page does: a dispatcher knows the watch and its wearer, or takes that back."""
        device = get_object_or_404(Device, pk=device_id)
        if "back" in request.POST:
            registry.take_proof_back(device, signed_in(request))
            messages.success(request, "Taken back.")
        else:
            registry.prove_device(device, signed_in(request))
            messages.success(request, "The watch is established.")
        return HttpResponseRedirect(reverse("admin:devices_device_change", args=[device.pk]))

    def looked_at(self, shown: Device) -> User:
        return shown.owner

    @admin.display(ordering="owner__full_name", description="owner")
    def whose(self, device: Device) -> SafeString | str:
        return person(device.owner)

    def place(self, device: Device) -> str:
        return place(device.position)

    @admin.display(description="last place, and the way there of one hour")
    def drawing(self, device: Device) -> SafeString | str:
        if not device.position or not device.position_at:
            return "-"
        lat, lon = device.position.y, device.position.x
        seen = f"{device.device_uid}, {device.position_at:%Y-%m-%d %H:%M:%S} UTC"
        mark = Mark(lat, lon, "device", "the device", seen, device.device_uid)
        return draw(f"Where {device.device_uid} is", (lat, lon), [mark], way_of(device, device.position_at))


@admin.register(DeviceToken)
class DeviceTokenPage(DispatcherPage):
    list_display = ("device", "beginning", "created_at", "last_used_at")
    list_filter = ("created_at",)
    list_select_related = ("device",)
    search_fields = ("device__device_uid", "device__owner__phone_number", "device__owner__full_name")
    fields = ("of", "beginning", "created_at", "last_used_at")

    @admin.display(description="device")
    def of(self, token: DeviceToken) -> SafeString | str:
        return link(token.device)

    @admin.display(description="digest")
    def beginning(self, token: DeviceToken) -> str:
        return f"{token.digest[:8]}…"


@admin.register(HelperPosition)
class HelperPositionPage(LookedAtPage):
    list_display = ("helper", "recorded_at", "device")
    list_display_links = ("recorded_at",)
    list_filter = ("recorded_at",)
    list_select_related = ("user", "device")
    search_fields = ("user__phone_number", "user__full_name")
    fields = ("helper", "by", "recorded_at", "place", "drawing")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("devices/map.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[HelperPosition]:
        """Those who have been seen."""
        return super().get_queryset(request).exclude(device=None)

    def looked_at(self, shown: HelperPosition) -> User:
        return shown.user

    @admin.display(ordering="user__full_name")
    def helper(self, seen: HelperPosition) -> SafeString | str:
        return person(seen.user)

    @admin.display(description="device")
    def by(self, seen: HelperPosition) -> SafeString | str:
        return link(seen.device) if seen.device else "-"

    def place(self, seen: HelperPosition) -> str:
        return place(seen.position)

    @admin.display(description="last place, and the way there of one hour")
    def drawing(self, seen: HelperPosition) -> SafeString | str:
        if not (seen.device and seen.position and seen.recorded_at):
            return "-"
        lat, lon = seen.position.y, seen.position.x
        title = f"{name_of(seen.user)}, {seen.recorded_at:%Y-%m-%d %H:%M:%S} UTC"
        mark = Mark(lat, lon, "helper", "the helper", title, seen.user.full_name)
        return draw("Where the helper is", (lat, lon), [mark], way_of(seen.device, seen.recorded_at))


@admin.register(LocationTrack)
class LocationTrackPage(LookedAtPage, LogPage):
    """The largest table: only its newest rows, or those of one device named in full, are ever asked for."""

    list_display = ("recorded_at", "device", "battery_level", "received_at")
    list_select_related = ("device",)
    search_fields = ("=device__device_uid",)
    search_help_text = "A device's whole device_uid."
    fields = ("of", "recorded_at", "received_at", "place", "speed", "direction", "battery_level")

    def looked_at(self, shown: LocationTrack) -> User:
        return shown.device.owner

    def get_search_results(self, request, queryset, search_term):  # type: ignore[no-untyped-def]
        """By exact text: without regard to case no index would help."""
        wanted = search_term.strip()
        return (queryset.filter(device__device_uid=wanted) if wanted else queryset), False

    @admin.display(description="device")
    def of(self, fix: LocationTrack) -> SafeString | str:
        return link(fix.device)

    def place(self, fix: LocationTrack) -> str:
        return place(fix.position)
