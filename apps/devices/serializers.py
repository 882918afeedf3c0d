"""The shapes of devices on the wire."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from mdd_backend.rest import NumberField, TextField, TrueFalseField, WholeNumberField

from .models import DEVICE_UID, Device
from .services import Fix


class DeviceSerializer(serializers.ModelSerializer[Device]):
    class Meta:
        model = Device
        fields = ["uuid", "device_uid", "model", "sim_number"]


class DeviceStatusSerializer(DeviceSerializer):
    """The whole device, as its owner sees it."""

    lat = serializers.SerializerMethodField()
    lon = serializers.SerializerMethodField()

    class Meta(DeviceSerializer.Meta):
        fields = [
            *DeviceSerializer.Meta.fields,
            "battery_level",
            "is_online",
            "lat",
            "lon",
            "last_seen_via",
            "last_seen_at",
        ]

    def get_lat(self, device: Device) -> float | None:
        return device.position.y if device.position else None

    def get_lon(self, device: Device) -> float | None:
        return device.position.x if device.position else None


class RegistrationSerializer(serializers.Serializer[Device]):
    device_uid = TextField(
        validators=[
            RegexValidator(
                f"^{DEVICE_UID}\\Z", "1 to 64 letters, digits or . _ : - , beginning with a letter or digit.", "invalid"
            )
        ]
    )
    model = TextField(max_length=100, required=False, allow_blank=True)
    sim_number = TextField(max_length=32, required=False, allow_null=True)


class PlaceSerializer(serializers.Serializer[Fix]):
    """Degrees WGS 84."""

    lat = NumberField(min_value=-90, max_value=90)
    lon = NumberField(min_value=-180, max_value=180)


class LocationSerializer(PlaceSerializer):
    speed = NumberField(min_value=0, max_value=1000, required=False, allow_null=True)
    direction = NumberField(min_value=0, max_value=360, required=False, allow_null=True)
    battery_level = WholeNumberField(min_value=0, max_value=100, required=False, allow_null=True)
    timestamp = serializers.DateTimeField(source="recorded_at", required=False, allow_null=True)


class StatusSerializer(serializers.Serializer[Device]):
    battery_level = WholeNumberField(min_value=0, max_value=100, required=False)
    is_online = TrueFalseField(required=False)
    last_seen_via = TextField(max_length=16, required=False, allow_blank=True)
    lat = NumberField(min_value=-90, max_value=90, required=False)
    lon = NumberField(min_value=-180, max_value=180, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for one, other in (("lat", "lon"), ("lon", "lat")):
            if one in attrs and other not in attrs:
                raise serializers.ValidationError({other: [f"Is required together with {one}."]})
        return attrs
