"""The shapes of devices on the wire."""

from datetime import timedelta
from typing import Any

from django.core.validators import RegexValidator
from django.utils import timezone
from rest_framework import serializers
from rest_framework.fields import empty

from mdd_backend.api.rest import LatitudeField, LongitudeField, NumberField, TextField, TrueFalseField, WholeNumberField

from ..kinds import BATTERY, DIRECTION, FIXES_MOST, SPEED
from ..models import DEVICE_UID, INTERVAL_LEAST_S, INTERVAL_MOST_S, Device, TroubleKind
from ..rules.queries import Track
from ..rules.registry import Fix
from .fields import InstantField, NoteField, NoteNameField, PartlyGoodList, PhoneField

TRACK_MOST, TRACK_USUAL = 10_000, 1000
TRACK_LONGEST, TRACK_DEFAULT = timedelta(days=31), timedelta(hours=24)
ONE_LINE = RegexValidator(r"^[^\x00-\x1f\x7f-\x9f]+\Z", "Holds a control character.", "invalid")


class RegisteredDeviceSerializer(serializers.ModelSerializer[Device]):
    class Meta:
        model = Device
        fields = ["uuid", "device_uid", "model", "sim_number"]
        read_only_fields = fields


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """The whole device, as its owner and dispatchers see it. lat, lon: degrees WGS 84; battery_level: per cent."""

    wearer_phone = serializers.CharField(read_only=True, allow_null=True)
    lat = serializers.SerializerMethodField()
    lon = serializers.SerializerMethodField()
    has_token = serializers.BooleanField(read_only=True, help_text="The device can report with a token of its own.")
    is_established = serializers.BooleanField(
        read_only=True, help_text="It has reported on three days, or a dispatcher knows it and its wearer."
    )

    class Meta:
        model = Device
        fields = [
            "uuid", "device_uid", "model", "sim_number", "wearer_name", "wearer_phone", "medical_note", "address_note",
            "battery_level", "is_online", "lat", "lon", "position_at", "last_seen_via", "last_seen_at",
            "expected_interval_s", "has_token", "is_established", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_lat(self, device: Device) -> float | None:
        return device.position.y if device.position else None

    def get_lon(self, device: Device) -> float | None:
        return device.position.x if device.position else None


class DeviceChangeSerializer(serializers.Serializer[Device]):
    """What its owner may say about a device; null empties a field."""

    model = NoteNameField(max_length=100)
    sim_number = TextField(max_length=32, required=False, allow_null=True, validators=[ONE_LINE])
    wearer_name = NoteNameField(max_length=150, help_text="Who wears it, if not its owner.")
    wearer_phone = PhoneField(required=False, allow_null=True)
    medical_note = NoteField(max_length=2000, help_text="What whoever comes to help must know.")
    address_note = NoteField(max_length=500, help_text="How to get in.")
    expected_interval_s = WholeNumberField(
        min_value=INTERVAL_LEAST_S,
        max_value=INTERVAL_MOST_S,
        required=False,
        allow_null=True,
        help_text="Seconds between its reports; after three without one it counts as offline. Null: as /config/ says.",
    )


def _refuse_reserved(device_uid: str) -> None:
    """A serial that is part of an address of ours would hide its own device."""
    if device_uid == "troubled":
        raise serializers.ValidationError("Is not to be had: choose another.", "invalid")


class DeviceRegistrationSerializer(DeviceChangeSerializer):
    device_uid = TextField(
        validators=[
            RegexValidator(
                f"^{DEVICE_UID}\\Z", "1 to 64 letters, digits or . _ : - , beginning with a letter or digit.", "invalid"
            ),
            _refuse_reserved,
        ]
    )
    claim_code = TextField(
        max_length=32, required=False, help_text="By which its owner lets you have it; needed only if it is another's."
    )


class ClaimCodeSerializer(serializers.Serializer[Any]):
    claim_code = serializers.CharField(help_text="Shown this once: eight letters and digits.")
    expires_at = serializers.DateTimeField()
    device_uid = serializers.CharField()


class DeviceMoveSerializer(serializers.Serializer[Any]):
    owner = serializers.UUIDField(help_text="Whose it is from now on.")
    reason = TextField(max_length=500, help_text="Kept in the admin's log.")


class TroubledDeviceSerializer(serializers.ModelSerializer[Device]):
    """A device that is silent or low on battery, as dispatchers see it in a list. battery_level: per cent."""

    wearer_name = serializers.CharField(source="whose_name", read_only=True)
    troubles = serializers.ListField(
        child=serializers.ChoiceField(TroubleKind.choices), source="kinds", read_only=True, help_text="One or both."
    )
    since = serializers.DateTimeField(read_only=True, help_text="When the last of them began.")

    class Meta:
        model = Device
        fields = [
            "device_uid", "wearer_name", "model", "battery_level", "is_online", "last_seen_at", "troubles", "since",
        ]  # fmt: skip
        read_only_fields = fields


class DeviceTokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Shown this once. `Authorization: Bearer mdd_device_…`")
    device_uid = serializers.CharField()


def _refuse_nowhere(attrs: dict[str, Any]) -> dict[str, Any]:
    """0/0 is what a receiver without a fix reports."""
    if attrs.get("lat") == 0 and attrs.get("lon") == 0:
        raise serializers.ValidationError({"lat": ["0/0 is no place."]})
    return attrs


class LocationSerializer(serializers.Serializer[Fix]):
    """lat, lon: degrees WGS 84; speed: m/s; direction: degrees from north; battery_level: per cent."""

    lat = LatitudeField()
    lon = LongitudeField()
    speed = NumberField(min_value=SPEED[0], max_value=SPEED[1], required=False, allow_null=True)
    direction = NumberField(min_value=DIRECTION[0], max_value=DIRECTION[1], required=False, allow_null=True)
    battery_level = WholeNumberField(min_value=BATTERY[0], max_value=BATTERY[1], required=False, allow_null=True)
    timestamp = serializers.DateTimeField(
        source="recorded_at", required=False, allow_null=True, help_text="By the device's clock; without it: now."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _refuse_nowhere(attrs)


class LocationRecordedSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["location recorded"])
    over_limit = serializers.IntegerField(
        required=False, help_text="1: the device has moved, but its track had no room for the fix. Else it is left out."
    )


class FixSerializer(LocationSerializer):
    """A fix kept while there was no connection: it says when it was."""

    timestamp = InstantField(source="recorded_at", help_text="By the device's clock; one of the future counts as now.")


class FixesSerializer(serializers.Serializer[Fix]):
    fixes = PartlyGoodList(child=FixSerializer(), min_length=1, max_length=FIXES_MOST)

    def run_validation(self, data: Any = empty) -> Any:
        """Whatever is no object has no fixes either."""
        return super().run_validation(data if isinstance(data, dict) else {})

    @property
    def good(self) -> list[Fix]:
        return [Fix(**values) for values in self.validated_data["fixes"] if isinstance(values, dict)]

    @property
    def refused(self) -> list[dict[str, Any]]:
        return [
            {"index": index, "errors": serializers.as_serializer_error(item)}
            for index, item in enumerate(self.validated_data["fixes"])
            if isinstance(item, serializers.ValidationError)
        ]


class RefusedFixSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Its place in `fixes`, from 0.")
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF keeps fields apart from its own `errors`
        child=serializers.ListField(child=serializers.CharField()), help_text="By field, what is wrong."
    )


class FixesRecordedSerializer(serializers.Serializer[Any]):
    recorded = serializers.IntegerField(help_text="New in the track.")
    duplicates = serializers.IntegerField(help_text="Of a time that the track already has.")
    over_limit = serializers.IntegerField(
        help_text="Too many: the track had no room for them, and did not look whether it has them already."
        " Do not send them again."
    )
    refused = RefusedFixSerializer(many=True)


class DeviceStatusSerializer(serializers.Serializer[Device]):
    """What a device reports about itself; lat and lon only together."""

    battery_level = WholeNumberField(min_value=BATTERY[0], max_value=BATTERY[1], required=False)
    is_online = TrueFalseField(required=False, help_text="Without it: true.")
    last_seen_via = TextField(max_length=16, required=False, allow_blank=True)
    lat = LatitudeField(required=False)
    lon = LongitudeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for field, other in (("lat", "lon"), ("lon", "lat")):
            if field in attrs and other not in attrs:
                raise serializers.ValidationError({other: [f"Is required together with {field}."]})
        return _refuse_nowhere(attrs)


class TrackQuerySerializer(serializers.Serializer[Track]):
    """Which part of a track is asked for, and how it is to be written."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Two of the names are Python's own words."""
        return {
            "from": InstantField(required=False, help_text="With a zone; without it 24 hours before `to`."),
            "to": InstantField(required=False, help_text="Not included; at most 31 days after `from`; else now."),
            "as": serializers.ChoiceField(["json", "geojson"], default="json", help_text="How it is written."),
            "limit": serializers.IntegerField(
                min_value=1, max_value=TRACK_MOST, default=TRACK_USUAL, help_text="Fixes."
            ),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs.setdefault("to", timezone.now())
        try:
            since = attrs.setdefault("from", until - TRACK_DEFAULT)
        except OverflowError:
            raise serializers.ValidationError({"to": ["Is too early."]}) from None
        if since >= until:
            raise serializers.ValidationError({"from": ["Is not before `to`."]})
        if until - since > TRACK_LONGEST:
            raise serializers.ValidationError({"from": ["Is more than 31 days before `to`."]})
        return attrs


class TrackFixSerializer(serializers.Serializer[Any]):
    recorded_at = serializers.DateTimeField(help_text="By the device's clock.")
    received_at = serializers.DateTimeField()
    lat = serializers.FloatField()
    lon = serializers.FloatField()
    speed = serializers.FloatField(allow_null=True, help_text="m/s")
    direction = serializers.FloatField(allow_null=True, help_text="Degrees from north.")
    battery_level = serializers.IntegerField(allow_null=True, help_text="Per cent.")


class TrackSerializer(serializers.Serializer[Track]):
    """The fixes of a time, the oldest first."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "device_uid": serializers.CharField(),
            "from": serializers.DateTimeField(source="since"),
            "to": serializers.DateTimeField(source="until"),
            "fixes": TrackFixSerializer(many=True),
            "next_from": serializers.DateTimeField(
                allow_null=True, help_text="There are more: ask again from here. Null: that is all."
            ),
        }


class GeoPointSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Point"])
    coordinates = serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, help_text="Longitude, latitude."
    )


class FixPropertiesSerializer(TrackFixSerializer):
    lat = lon = None  # type: ignore[assignment]  # they are the geometry


class TrackFeatureSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Feature"])
    geometry = GeoPointSerializer()
    properties = FixPropertiesSerializer()

    def to_representation(self, fix: dict[str, Any]) -> dict[str, Any]:
        point = {"type": "Point", "coordinates": [fix["lon"], fix["lat"]]}
        return super().to_representation({"type": "Feature", "geometry": point, "properties": fix})


class TrackFeaturesSerializer(serializers.Serializer[Track]):
    """GeoJSON (RFC 7946) of the fixes of a time, the oldest first; `next_from` as in the plain form."""

    type = serializers.ChoiceField(["FeatureCollection"])
    features = TrackFeatureSerializer(many=True, source="fixes")
    next_from = serializers.DateTimeField(allow_null=True)

    def to_representation(self, track: Track) -> dict[str, Any]:
        fields = {"type": "FeatureCollection", "fixes": track.fixes, "next_from": track.next_from}
        return super().to_representation(fields)  # type: ignore[arg-type]
