"""The dispatch policy, for dispatchers: whom to call, how far out, how long to wait."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.permissions import IsDispatcher, IsSuperuser, caller
from mdd_backend.api.openapi import documented

from ...models import DispatchPolicy
from ...rules import policy
from ..examples import CHANGES, POLICY
from ..serializers.policy import OwnPolicySerializer, PolicyChangesSerializer, PolicyOfTypeSerializer, PolicySerializer


def _checked(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    body = serializer(data=data)
    body.is_valid(raise_exception=True)
    checked: dict[str, Any] = body.validated_data
    return checked


class DispatchPolicyView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def get_permissions(self) -> list[Any]:
        """An ADMIN reads it, a superuser changes it."""
        changes = self.request.method in {"PATCH", "DELETE"}
        return [*super().get_permissions(), *([IsSuperuser()] if changes else [])]

    def _type(self, serializer: type[serializers.Serializer[Any]] = PolicyOfTypeSerializer) -> str:
        detected_type: str = _checked(serializer, self.request.query_params).get("detected_type", "")
        return detected_type

    def _shown(self, current: DispatchPolicy, detected_type: str) -> Response:
        return Response(PolicySerializer(current, context={"detected_type": detected_type}).data)

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
        """For a superuser. With `detected_type` that type gets one of its own. Events that are open keep their plan."""
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
        """For a superuser. 404: the type has no policy of its own."""
        try:
            policy.remove_policy(self._type(OwnPolicySerializer), caller(request))
        except policy.NoSuchPolicy:
            raise NotFound from None
        return Response(status=204)
