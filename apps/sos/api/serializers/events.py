"""The shapes of signals, events and answers on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.devices.models import Device
from apps.users.models import User
from mdd_backend.api.rest import LatitudeField, LongitudeField, TextField, WholeNumberField

from ...kinds import ANSWERS, AlertStatus, Caution, DetectedType, EventStatus, Halt, LocationSource, Outcome, Service
from ...models import EventNote, HelperAlert, SosEvent
from ...queries.privacy import CELL_M, Sight, cell_of, know_each_other, metres_shown, sees_notes, sight_of
from ...sql import FIT


class SignalSerializer(serializers.Serializer[Any]):
    """What a watch sends. Nothing in it can refuse the signal: what is wrong gets a warning and a stand-in."""

    device_uid = serializers.CharField(required=False, help_text="One's own device; else the event has no device.")
    lat = serializers.FloatField(required=False, help_text="Degrees WGS 84; else the device's last known place.")
    lon = serializers.FloatField(required=False)
    altitude = serializers.FloatField(required=False, help_text="Metres.")
    accuracy_m = serializers.FloatField(required=False, help_text="How far off the place may be, in metres.")
    detected_type = serializers.ChoiceField(DetectedType.choices, required=False, help_text="Else OTHER.")
    severity = serializers.IntegerField(required=False, min_value=1, max_value=5, help_text="1 to 5; else 3.")
    timestamp = serializers.DateTimeField(required=False, help_text="When it happened, by the device's clock.")
    raw_payload = serializers.JSONField(required=False, help_text="Anything, up to 64 KiB and 64 levels deep.")
    signal_uid = serializers.CharField(required=False, help_text="The same for every repeat of this signal.")
    sent_at = serializers.DateTimeField(required=False, help_text="The device's clock as it sent: repairs a wrong one.")
    countdown_s = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=60,
        help_text="Helpers are called so many seconds later unless cancelled.",
    )
    silent = serializers.BooleanField(required=False, help_text="Nothing is sent to the wearer's phone or contacts.")


class DrillSerializer(serializers.Serializer[SosEvent]):
    """Where a drill takes place: helpers near it are really called."""

    lat = LatitudeField()
    lon = LongitudeField()
    severity = WholeNumberField(min_value=1, max_value=5, default=3)
    detected_type = serializers.ChoiceField(DetectedType.choices, default=DetectedType.MANUAL_TRIGGER)

    def validate_detected_type(self, kind: str) -> str:
        if kind == DetectedType.TEST:
            raise serializers.ValidationError("A test calls nobody, so there is nothing to practise.")
        return kind


class TriggeredSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["created", "duplicate"])
    event_uid = serializers.UUIDField()
    warnings = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="By field, what was wrong and what is taken in its place.",
    )


class AnswerSerializer(serializers.Serializer[HelperAlert]):
    """lat and lon, both or neither: where the helper is."""

    status = serializers.ChoiceField(ANSWERS)
    lat = LatitudeField(required=False)
    lon = LongitudeField(required=False)

    def validate(self, answer: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in ("lat", "lon") if name not in answer]
        if len(missing) == 1:
            raise serializers.ValidationError({missing[0]: "Is needed with the other."})
        return answer


class WearerSerializer(serializers.Serializer[SosEvent]):
    """Whoever needs help, as told to those who come: the device's wearer, else the account's owner."""

    full_name = serializers.CharField(source="wearer_name")
    phone_number = serializers.CharField(source="wearer_phone", allow_null=True)


class OwnerSerializer(serializers.ModelSerializer[User]):
    """Whose account it is, who need not be the wearer."""

    phone_number = serializers.CharField(allow_null=True)

    class Meta:
        model = User
        fields = ["full_name", "phone_number"]


class AnsweredSerializer(serializers.Serializer[HelperAlert]):
    """Whoever comes learns where to and to whom; nobody else does."""

    event_uid = serializers.UUIDField(source="event.uid")
    status = serializers.ChoiceField(AlertStatus.choices)
    event_status = serializers.ChoiceField(EventStatus.choices, source="event.status")
    lat = serializers.FloatField(source="event.lat", required=False, allow_null=True)
    lon = serializers.FloatField(source="event.lon", required=False, allow_null=True)
    position_at = serializers.DateTimeField(
        source="event.position_at", required=False, allow_null=True, help_text="When the place was measured."
    )
    wearer = WearerSerializer(source="event", required=False)

    def to_representation(self, alert: HelperAlert) -> dict[str, Any]:
        shown = super().to_representation(alert)
        if not know_each_other(alert.event, alert):
            for name in ("lat", "lon", "position_at", "wearer"):
                del shown[name]
        return shown


class ResolutionSerializer(serializers.Serializer[SosEvent]):
    outcome = serializers.ChoiceField(Outcome.choices)
    note = TextField(max_length=2000, required=False, allow_blank=True)


class NoteSerializer(serializers.ModelSerializer[EventNote]):
    text = TextField(max_length=2000)
    author = serializers.CharField(source="author.full_name", read_only=True)

    class Meta:
        model = EventNote
        fields = ["text", "author", "created_at"]
        read_only_fields = ["created_at"]


class AssignmentSerializer(serializers.Serializer[HelperAlert]):
    helper = serializers.UUIDField(help_text="A helper's uuid, called or not.")
    confirmed_by = serializers.ChoiceField(
        ["phone"], required=False, help_text="How the dispatcher knows that they come; else the helper has to say so."
    )


class HandoverSerializer(serializers.Serializer[SosEvent]):
    to = serializers.ChoiceField(Service.choices)


class StandingSerializer(serializers.ModelSerializer[SosEvent]):
    """How an event stands after something was done about it."""

    event_uid = serializers.UUIDField(source="uid")
    event_status = serializers.ChoiceField(EventStatus.choices, source="status")
    outcome = serializers.SerializerMethodField()
    halted = serializers.SerializerMethodField(help_text="Why no more helpers are called by themselves.")
    handed_over_to = serializers.SerializerMethodField()

    class Meta:
        model = SosEvent
        fields = ["event_uid", "event_status", "outcome", "halted", "handed_over_to", "acknowledged_at", "waves_called"]

    @extend_schema_field(serializers.ChoiceField(Outcome.choices, allow_null=True))
    def get_outcome(self, event: SosEvent) -> str | None:
        return event.outcome or None

    @extend_schema_field(serializers.ChoiceField(Halt.choices, allow_null=True))
    def get_halted(self, event: SosEvent) -> str | None:
        return event.halted or None

    @extend_schema_field(serializers.ChoiceField(Service.choices, allow_null=True))
    def get_handed_over_to(self, event: SosEvent) -> str | None:
        return event.handed_over_to or None


class EventDeviceSerializer(serializers.ModelSerializer[Device]):
    """The watch as it is now, and what its owner wants helpers to know.

    The two notes are filled for the wearer and dispatchers, and for a helper who is coming and close: ON_SCENE, or seen
    within 1 km of the event less than 120 s ago. For a helper further off they are empty.
    """

    lat = serializers.FloatField(source="position.y", default=None, allow_null=True)
    lon = serializers.FloatField(source="position.x", default=None, allow_null=True)
    wearer_phone = serializers.CharField(allow_null=True)

    class Meta:
        model = Device
        fields = [
            "device_uid", "model", "battery_level", "is_online", "last_seen_at", "lat", "lon", "position_at",
            "wearer_name", "wearer_phone", "medical_note", "address_note",
        ]  # fmt: skip


class AreaSerializer(serializers.Serializer[SosEvent]):
    """The fixed grid cell that holds the place: its centre in degrees, its size in metres."""

    lat = serializers.FloatField()
    lon = serializers.FloatField()
    size_m = serializers.IntegerField()


class OwnAlertSerializer(serializers.ModelSerializer[HelperAlert]):
    """One's own call to the event. distance_m: from the area's centre, in steps of 100 m; null after DECLINED."""

    distance_m = serializers.IntegerField(source="area_distance_m", allow_null=True)

    class Meta:
        model = HelperAlert
        fields = ["status", "wave", "distance_m", "created_at", "answered_at"]

    def to_representation(self, alert: HelperAlert) -> dict[str, Any]:
        shown = super().to_representation(alert)
        return shown | {"distance_m": None} if alert.status == AlertStatus.DECLINED else shown


class CalledHelperSerializer(serializers.ModelSerializer[HelperAlert]):
    """A helper called to the event. Metres from the place: when called, and where they were seen last.

    The wearer is shown `distance_now_m` only, in steps of 100 m, measured to the middle of the helper's grid cell of
    300 m; `distance_m` is null.
    """

    uuid = serializers.UUIDField(source="helper.uuid")
    full_name = serializers.CharField(source="helper.full_name")
    phone_number = serializers.CharField(source="helper.phone_number", allow_null=True)
    distance_now_m = serializers.SerializerMethodField()
    seen_at = serializers.DateTimeField(allow_null=True, help_text="When they were seen there.")
    caution = serializers.SerializerMethodField(help_text="For dispatchers: why they are called last. Else null.")

    class Meta:
        model = HelperAlert
        fields = [
            "uuid", "full_name", "phone_number", "status", "wave", "distance_m", "distance_now_m", "seen_at", "rings",
            "created_at", "answered_at", "accepted_at", "caution",
        ]  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(Caution.choices, allow_null=True))
    def get_caution(self, alert: Any) -> str | None:
        caution: str | None = alert.caution if self.context.get("tells_caution") else None
        return caution

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_distance_now_m(self, alert: Any) -> int | None:
        return None if alert.distance_now is None else round(alert.distance_now.m)


class ComingHelperSerializer(CalledHelperSerializer):
    """The same for the wearer, who learns no more of where the helper is than the grid cell."""

    def to_representation(self, alert: Any) -> dict[str, Any]:
        far = metres_shown(alert.event.position, alert.place)
        return super().to_representation(alert) | {"distance_m": None, "distance_now_m": far}


class PassedOverSerializer(serializers.Serializer[Any]):
    """Somebody near an event who is not called and may not be, as dispatchers see them."""

    uuid = serializers.UUIDField(source="person.uuid")
    full_name = serializers.CharField(source="person.full_name")
    phone_number = serializers.CharField(source="person.phone_number", allow_null=True)
    distance_m = serializers.IntegerField(help_text="Metres from the event.")
    reason = serializers.ChoiceField([*FIT], help_text="Why they may not be called.")


_ALWAYS = {
    "event_uid", "is_drill", "status", "resolved", "outcome", "detected_type", "severity", "timestamp", "received_at",
    "closed_at", "alert", "needs_reason",
}  # fmt: skip
_PLACE = {
    "lat", "lon", "altitude", "accuracy_m", "wearer", "owner", "device",
}  # fmt: skip
_NOTES = ("medical_note", "address_note")
_AREA = {"area", "position_at", "location_source", "location_age_s", "unsafe_reported_at"}
_COURSE = {
    "signal_count", "last_signal_at", "silent", "unconfirmed_until", "halted", "handed_over_to", "acknowledged_at",
    "waves_called", "helpers",
}  # fmt: skip
_SEEN = {
    Sight.PAST: _ALWAYS,
    Sight.AREA: _ALWAYS | _AREA,
    Sight.EXACT: _ALWAYS | _AREA | {"halted"} | _PLACE,
    Sight.DESK: _ALWAYS | _AREA | _COURSE | _PLACE - {"lat", "lon", "altitude", "accuracy_m"},
    Sight.ALL: _ALWAYS | _AREA | _COURSE | _PLACE,
}


class EventSerializer(serializers.ModelSerializer[SosEvent]):
    """An event as its reader may see it: what they may not see is null.

    The wearer and dispatchers see everything; a called helper the area, after accepting the place, the wearer and the
    device, with the notes for helpers when they are close; nothing of that after declining, or once the event is
    closed. The reader is `viewer` in the context.
    """

    event_uid = serializers.UUIDField(source="uid")
    resolved = serializers.SerializerMethodField(help_text="Closed: RESOLVED or CANCELLED.")
    outcome = serializers.SerializerMethodField()
    timestamp = serializers.DateTimeField(source="occurred_at", help_text="When it happened, by the device's clock.")
    silent = serializers.BooleanField(allow_null=True)
    halted = serializers.SerializerMethodField(help_text="Why no more helpers are called by themselves.")
    handed_over_to = serializers.SerializerMethodField()
    waves_called = serializers.IntegerField(allow_null=True)
    signal_count = serializers.IntegerField(allow_null=True)
    last_signal_at = serializers.DateTimeField(allow_null=True)
    lat = serializers.FloatField(allow_null=True)
    lon = serializers.FloatField(allow_null=True)
    position_at = serializers.DateTimeField(allow_null=True, help_text="When the place was measured.")
    location_source = serializers.ChoiceField(LocationSource.choices, allow_null=True)
    location_age_s = serializers.IntegerField(allow_null=True, help_text="How old the place was when it was taken.")
    area = serializers.SerializerMethodField()
    wearer = WearerSerializer(source="*", allow_null=True)
    owner = OwnerSerializer(source="user", allow_null=True)
    device = EventDeviceSerializer(allow_null=True)
    alert = serializers.SerializerMethodField(help_text="One's own call, for a helper.")
    helpers = serializers.SerializerMethodField(help_text="For a dispatcher all called, for the wearer those who come.")

    needs_reason = serializers.SerializerMethodField(
        help_text="For a dispatcher: place, notes and contacts are shown with `?reason=…` only; the wearer may read it."
    )

    class Meta:
        model = SosEvent
        fields = [
            "event_uid", "status", "resolved", "outcome", "detected_type", "severity", "is_drill", "timestamp",
            "received_at", "closed_at", "signal_count", "last_signal_at", "silent", "unconfirmed_until", "halted",
            "handed_over_to", "acknowledged_at", "waves_called", "lat", "lon", "altitude", "accuracy_m", "position_at",
            "location_source", "location_age_s", "unsafe_reported_at", "area", "wearer", "owner", "device", "alert",
            "helpers", "needs_reason",
        ]  # fmt: skip

    def to_representation(self, event: SosEvent) -> dict[str, Any]:
        seen = self._seen(event)
        shown = {name: value if name in seen else None for name, value in super().to_representation(event).items()}
        if shown["device"] and not sees_notes(event, self._viewer, self._own_alert(event)):
            shown["device"] |= dict.fromkeys(_NOTES, "")
        if shown["device"] and self.get_needs_reason(event):
            shown["device"] |= dict.fromkeys(("lat", "lon"))
        return shown

    def _seen(self, event: SosEvent) -> set[str]:
        """The names of what the viewer may see."""
        return _SEEN[sight_of(event, self._viewer, self._own_alert(event))]

    @property
    def _viewer(self) -> User:
        viewer: User = self.context["viewer"]
        return viewer

    def _own_alert(self, event: SosEvent) -> HelperAlert | None:
        return next((alert for alert in event.alerts.all() if alert.helper_id == self._viewer.pk), None)

    def get_needs_reason(self, event: SosEvent) -> bool:
        return sight_of(event, self._viewer, None) == Sight.DESK

    def get_resolved(self, event: SosEvent) -> bool:
        return not event.is_open

    get_outcome = StandingSerializer.get_outcome
    get_halted = StandingSerializer.get_halted
    get_handed_over_to = StandingSerializer.get_handed_over_to

    @extend_schema_field(AreaSerializer(allow_null=True))
    def get_area(self, event: SosEvent) -> dict[str, Any] | None:
        if event.lat is None or event.lon is None:
            return None
        lat, lon = cell_of(event.lat, event.lon)
        return {"lat": lat, "lon": lon, "size_m": CELL_M}

    @extend_schema_field(OwnAlertSerializer(allow_null=True))
    def get_alert(self, event: SosEvent) -> Any:
        own = self._own_alert(event)
        return OwnAlertSerializer(own).data if own else None

    @extend_schema_field(CalledHelperSerializer(many=True, allow_null=True))
    def get_helpers(self, event: SosEvent) -> Any:
        called = event.alerts.all()
        if self._viewer.is_dispatcher:
            return CalledHelperSerializer(called, many=True, context={"tells_caution": True}).data
        return ComingHelperSerializer([alert for alert in called if know_each_other(event, alert)], many=True).data
