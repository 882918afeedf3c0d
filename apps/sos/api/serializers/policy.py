"""The dispatch policy on the wire: its bounds are the rules'."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from mdd_backend.api.rest import WholeNumberField

from ...kinds import DetectedType
from ...models import DispatchPolicy
from ...rules import policy


class WaveSerializer(serializers.Serializer[Any]):
    """One ring of helpers called at once; then it is waited for their answers."""

    radius_m = serializers.IntegerField(min_value=100, max_value=50_000, help_text="Larger than the wave's before.")
    helpers = serializers.IntegerField(min_value=1, max_value=200)
    wait_s = serializers.IntegerField(min_value=5, max_value=3600)


@extend_schema_field(WaveSerializer(many=True))
class WavesField(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> Any:
        if flaws := policy.flaws_of_waves(data):
            raise ValidationError(flaws)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


def _within(name: str, **options: Any) -> WholeNumberField:
    least, most = policy.BOUNDS[name]
    return WholeNumberField(min_value=least, max_value=most, required=False, **options)


class PolicyChangesSerializer(serializers.Serializer[DispatchPolicy]):
    """Seconds, metres, people. What is not mentioned stays."""

    waves = WavesField(required=False, help_text="One to ten.")
    enough_helpers = _within("enough_helpers", help_text="So many who come are enough: nobody else is called.")
    repeat_s = _within("repeat_s", help_text="After the last wave: between two rings, and two alarms.")
    contacts_after_s = _within("contacts_after_s")
    escalate_after_s = _within("escalate_after_s", help_text="Until dispatchers are alarmed if none acknowledges.")
    dedup_window_s = _within("dedup_window_s", help_text="A signal so soon after another is a repeat.")
    position_max_age_s = _within("position_max_age_s", help_text="Of helpers who are called.")
    receipt_timeout_s = _within("receipt_timeout_s", help_text="Until a text message stands in for a push.")
    movement_ask_s = _within("movement_ask_s", help_text="Without coming nearer, until a helper is asked.")
    movement_release_s = _within("movement_release_s", help_text="And until they are released; later than that.")


class PolicySerializer(PolicyChangesSerializer):
    """The policy in force for one type of event, or for all."""

    detected_type = serializers.SerializerMethodField()
    own = serializers.SerializerMethodField(help_text="False: the type has none of its own, this is the one for all.")
    changed_at = serializers.DateTimeField(allow_null=True, help_text="null: these are the defaults.")

    @extend_schema_field(serializers.ChoiceField(DetectedType.choices, allow_null=True))
    def get_detected_type(self, policy: DispatchPolicy) -> str | None:
        return self.context["detected_type"] or None

    def get_own(self, policy: DispatchPolicy) -> bool:
        return bool(policy.detected_type == self.context["detected_type"])


class PolicyOfTypeSerializer(serializers.Serializer[Any]):
    detected_type = serializers.ChoiceField(
        DetectedType.choices, required=False, help_text="Else the policy for all without one of their own."
    )


class OwnPolicySerializer(serializers.Serializer[Any]):
    detected_type = serializers.ChoiceField(DetectedType.choices, help_text="Whose own policy goes.")
