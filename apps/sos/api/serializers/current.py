"""What a watch is told while it waits for help, on the wire."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ...kinds import DetectedType, EventStatus, Halt, Outcome
from ...queries.current import Current, CurrentEvent


class CurrentEventSerializer(serializers.Serializer[CurrentEvent]):
    """Numbers only: no name, no place, nothing that a stranger who finds the watch should read."""

    event_uid = serializers.UUIDField(source="event.uid")
    status = serializers.ChoiceField(EventStatus.choices, source="event.status")
    open = serializers.BooleanField(source="event.is_open")
    outcome = serializers.SerializerMethodField(help_text="How it ended.")
    halted = serializers.SerializerMethodField(help_text="Why no more helpers are called; a dispatcher decides.")
    detected_type = serializers.ChoiceField(DetectedType.choices, source="event.detected_type")
    silent = serializers.BooleanField(source="event.silent", help_text="The watch must show and sound nothing.")
    received_at = serializers.DateTimeField(source="event.received_at")
    calls_at = serializers.DateTimeField(
        source="event.unconfirmed_until", allow_null=True, help_text="A countdown ends, and helpers are called."
    )
    closed_at = serializers.DateTimeField(source="event.closed_at", allow_null=True)
    coming = serializers.IntegerField(source="help.coming", help_text="Helpers who said that they come, or are there.")
    on_scene = serializers.BooleanField(source="help.is_there")
    nearest_m = serializers.IntegerField(
        source="help.nearest_m",
        allow_null=True,
        help_text="The nearest of those coming, to the middle of their grid cell, in steps of 100 m.",
    )
    helpers_called = serializers.IntegerField()
    phones_reached = serializers.IntegerField(help_text="Helpers' phones that have shown the call.")
    contacts_told = serializers.IntegerField(help_text="Emergency contacts to whom a text was written.")
    dispatcher = serializers.SerializerMethodField(help_text="A dispatcher has acknowledged it.")

    @extend_schema_field(serializers.ChoiceField(Outcome.choices, allow_null=True))
    def get_outcome(self, current: CurrentEvent) -> str | None:
        return current.event.outcome or None

    @extend_schema_field(serializers.ChoiceField(Halt.choices, allow_null=True))
    def get_halted(self, current: CurrentEvent) -> str | None:
        return current.event.halted or None

    def get_dispatcher(self, current: CurrentEvent) -> bool:
        return current.event.acknowledged_at is not None


class CurrentSerializer(serializers.Serializer[Current]):
    open = serializers.BooleanField(source="is_open", help_text="Some event is open.")
    ask_again_s = serializers.IntegerField(help_text="Ask again in so many seconds.")
    events = CurrentEventSerializer(many=True, help_text="At most three: open, or closed within the hour.")
