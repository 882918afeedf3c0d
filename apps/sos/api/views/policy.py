"""The dispatch policy, for dispatchers: whom to call, how far out, how long to wait."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.permissions import IsDispatcher, caller
from mdd_backend.openapi import documented
from mdd_backend.rest import WholeNumberField

from ...models import DetectedType, DispatchPolicy, default_waves
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
    def get_detected_type(self, found: DispatchPolicy) -> str | None:
        return self.context["detected_type"] or None

    def get_own(self, found: DispatchPolicy) -> bool:
        return bool(found.detected_type == self.context["detected_type"])


class PolicyOfTypeSerializer(serializers.Serializer[Any]):
    detected_type = serializers.ChoiceField(
        DetectedType.choices, required=False, help_text="Else the policy for all without one of their own."
    )


class OwnPolicySerializer(serializers.Serializer[Any]):
    detected_type = serializers.ChoiceField(DetectedType.choices, help_text="Whose own policy goes.")


POLICY: dict[str, Any] = {
    "detected_type": None,
    "own": True,
    "waves": default_waves(),
    "enough_helpers": 2,
    "repeat_s": 120,
    "contacts_after_s": 60,
    "escalate_after_s": 60,
    "dedup_window_s": 300,
    "position_max_age_s": 3600,
    "receipt_timeout_s": 15,
    "movement_ask_s": 180,
    "movement_release_s": 300,
    "changed_at": "2025-10-28T12:00:00.412000Z",
}
CHANGES: dict[str, Any] = {"waves": POLICY["waves"][:2], "contacts_after_s": 30}


def _checked(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    body = serializer(data=data)
    body.is_valid(raise_exception=True)
    checked: dict[str, Any] = body.validated_data
    return checked


class DispatchPolicyView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def _type(self, asked: type[serializers.Serializer[Any]] = PolicyOfTypeSerializer) -> str:
        detected_type: str = _checked(asked, self.request.query_params).get("detected_type", "")
        return detected_type

    def _shown(self, found: DispatchPolicy, detected_type: str) -> Response:
        return Response(PolicySerializer(found, context={"detected_type": detected_type}).data)

    @documented("The policy in force", gives={200: (PolicySerializer, POLICY)}, query=[PolicyOfTypeSerializer])
    def get(self, request: Request) -> Response:
        """For an ADMIN: of one type of event, or of all without one of their own."""
        detected_type = self._type()
        return self._shown(policy.policy_of(detected_type), detected_type)

    @documented(
        "Change the policy",
        takes=PolicyChangesSerializer,
        sends=CHANGES,
        gives={200: (PolicySerializer, POLICY | CHANGES)},
        query=[PolicyOfTypeSerializer],
    )
    def patch(self, request: Request) -> Response:
        """For an ADMIN. With `detected_type` that type gets one of its own. Events that are open keep their plan."""
        detected_type = self._type()
        changes = _checked(PolicyChangesSerializer, request.data)
        try:
            changed = policy.change_policy(detected_type, changes, caller(request))
        except policy.Flawed as why:
            raise ValidationError(why.flaws) from None
        return self._shown(changed, detected_type)

    @documented(
        "Let a type follow the policy for all",
        gives={204: (None, None)},
        errors=[400, 404],
        query=[OwnPolicySerializer],
    )
    def delete(self, request: Request) -> Response:
        """For an ADMIN. 404: the type has no policy of its own."""
        try:
            policy.remove_policy(self._type(OwnPolicySerializer), caller(request))
        except policy.NoSuchPolicy:
            raise NotFound from None
        return Response(status=204)
