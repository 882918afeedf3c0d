"""A reason to look, where there is no open event, and the looks at oneself."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from mdd_backend.api.openapi import documented
from mdd_backend.api.paging import NewestFirst
from mdd_backend.api.rest import TextField

from ..kinds import Way
from ..models import Look, User
from ..rules import looks
from . import examples
from .permissions import caller


class ReasonSerializer(serializers.Serializer[Any]):
    reason = TextField(
        min_length=looks.REASON_LEAST,
        max_length=looks.REASON_MOST,
        required=False,
        help_text="For a dispatcher, why they look where there is no open event. The person may read it.",
    )


def reason_of(request: Request) -> str:
    """What the caller says why they look; blank when they do not. Raises ValidationError."""
    query = ReasonSerializer(
        data={name: request.query_params[name] for name in ("reason",) if name in request.query_params}
    )
    query.is_valid(raise_exception=True)
    reason: str = query.validated_data.get("reason", "")
    return reason


def keep_look(request: Request, people: Iterable[int], way: Way = Way.API) -> None:
    """The caller is about to be shown something of people (ids). Raises PermissionDenied, `reason_required`."""
    try:
        looks.look(caller(request), people, way, reason_of(request))
    except looks.ReasonRequired:
        why = "There is no open event: say why you look, as ?reason=…; the person may read it."
        raise PermissionDenied(why, code="reason_required") from None


class ViewerSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["full_name", "role"]


class LookSerializer(serializers.ModelSerializer[Look]):
    """Who has seen an exact place, a track, a note or a contact; an hour's looks of one person by one way are one."""

    viewer = ViewerSerializer()
    reason = serializers.CharField(help_text="Where there was no open event.")

    class Meta:
        model = Look
        fields = ["at", "viewer", "way", "event_uid", "reason"]


class LookAtMeSerializer(LookSerializer):
    """The same, as it comes in other pages."""


class MyLooksView(ListAPIView[Look]):
    serializer_class = LookAtMeSerializer
    pagination_class = NewestFirst
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Look]:
        me = caller(self.request)
        return Look.objects.filter(person=me).select_related("viewer").order_by("-at", "-pk")

    @documented("Who has looked at me", gives={200: (LookAtMeSerializer(many=True), examples.LOOK)}, errors=[400])
    def get(self, request: Request) -> Response:
        """Every look at my exact place, track, notes and contacts by somebody else, the newest first."""
        return self.list(request)
