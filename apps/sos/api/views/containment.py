"""Containing an account that sends false signals, for dispatchers."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.permissions import IsDispatcher, caller
from apps.users.models import User
from apps.users.rules import accounts
from apps.users.rules.rights import SuperuserRequired
from mdd_backend.api.openapi import documented

from ...rules import containing
from .. import examples
from ..serializers.containment import ContainmentSerializer


class ContainmentView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented("Contain an account", gives={200: (ContainmentSerializer, examples.CONTAINMENT)})
    def post(self, request: Request, uuid: UUID) -> Response:
        """For an ADMIN. Closes its open events but the newest as false alarms. From now on its SOS is taken as always,
        and alarms dispatchers first: helpers are called after 60 s, or when a dispatcher calls them. Again: the same.
        """
        user = _person(uuid)
        try:
            closed = containing.contain(user, caller(request))
        except accounts.AccountErased:
            raise NotFound from None
        except SuperuserRequired as why:
            raise PermissionDenied(str(why), code="superuser_required") from None
        shown = {"uuid": user.uuid, "contained_at": user.contained_at, "closed": [event.uid for event in closed]}
        return Response(ContainmentSerializer(shown).data)

    @documented("Lift the containment of an account", gives={204: (None, None)})
    def delete(self, request: Request, uuid: UUID) -> Response:
        """For an ADMIN. Also when it is not contained."""
        try:
            accounts.lift_containment(_person(uuid), caller(request))
        except accounts.AccountErased:
            raise NotFound from None
        except SuperuserRequired as why:
            raise PermissionDenied(str(why), code="superuser_required") from None
        return Response(status=204)


def _person(uuid: UUID) -> User:
    return get_object_or_404(User.objects.present(), uuid=uuid)
