"""Signals in, answers in, events out."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.devices.authentication import device_of_token
from apps.users.permissions import IsDispatcher, caller
from mdd_backend.errors import Conflict
from mdd_backend.openapi import documented
from mdd_backend.paging import NewestFirst
from mdd_backend.rest import ForgivingJson

from . import examples, selectors, services
from .filters import EventFilter
from .models import AlertStatus, Outcome, SosEvent
from .serializers import (
    AnsweredSerializer,
    AnswerSerializer,
    EventSerializer,
    ResolutionSerializer,
    ResolvedSerializer,
    SignalSerializer,
    TriggeredSerializer,
)


class TriggerView(APIView):
    """Takes a signal from any known account or device, whatever is wrong with its fields."""

    banned_may_enter = True
    device_may_enter = True
    parser_classes: list[Any] = [ForgivingJson]

    @documented(
        "Send an SOS signal",
        takes=SignalSerializer,
        sends=examples.SIGNAL,
        gives={201: (TriggeredSerializer, examples.CREATED), 200: (TriggeredSerializer, examples.DUPLICATE)},
    )
    def post(self, request: Request) -> Response:
        """201: an event is open and on disk, helpers are being called. 200: it repeats one, and was counted."""
        if not isinstance(request.data, dict):
            raise ParseError("The body is not a JSON object.")
        event, created, warnings = services.open_event(caller(request), request.data, device_of_token(request))
        answer: dict[str, Any] = {
            "status": "created" if created else "duplicate",
            "event_uid": str(event.uid),
        }
        if warnings:
            answer["warnings"] = warnings
        return Response(answer, status=201 if created else 200)


class _Events(GenericAPIView[SosEvent]):
    queryset = SosEvent.objects.none()  # for the documents; see get_queryset
    serializer_class = EventSerializer

    def get_queryset(self) -> QuerySet[SosEvent]:
        return selectors.with_people(selectors.events_known_to(caller(self.request)))

    def get_serializer_context(self) -> dict[str, Any]:
        return {"viewer": self.request.user}


class EventsView(ListModelMixin, _Events):
    pagination_class = NewestFirst
    filterset_class = EventFilter

    @documented("Events, the newest first", gives={200: (EventSerializer(many=True), examples.EVENT)}, errors=[400])
    def get(self, request: Request) -> Response:
        """A wearer's own, those a helper was called to, all for a dispatcher; each as far as the caller may see it."""
        return self.list(request)


class EventView(RetrieveModelMixin, _Events):
    lookup_field = "uid"
    lookup_url_kwarg = "event_uid"
    filter_backends: list[Any] = []

    @documented("One event", gives={200: (EventSerializer, examples.EVENT)})
    def get(self, request: Request, event_uid: UUID) -> Response:
        """As far as the caller may see it; to whoever has no part in it, it does not exist."""
        return self.retrieve(request)


class RespondView(APIView):
    @documented(
        "Answer a call",
        takes=AnswerSerializer,
        sends={"status": "ACCEPTED"},
        gives={200: (AnsweredSerializer, examples.ANSWERED)},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """For a helper called to the event. Accepting reveals the place and the person; a repeat changes nothing."""
        helper = caller(request)
        event = get_object_or_404(SosEvent, uid=event_uid, alerts__helper=helper)
        body = AnswerSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            alert = services.answer_alert(event, helper, AlertStatus(body.validated_data["status"]))
        except services.StepMakesNoSense as why:
            raise _conflict(why) from None
        return Response(AnsweredSerializer(alert).data)


def _conflict(why: services.StepMakesNoSense) -> Conflict:
    state = {"event_status": why.event.status}
    if why.alert:
        state["status"] = why.alert.status
    return Conflict(str(why), state)


class ResolveView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented(
        "Close an event",
        takes=ResolutionSerializer,
        sends={"outcome": "HELPED"},
        gives={200: (ResolvedSerializer, examples.RESOLVED)},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """For dispatchers. Nothing more is sent for it."""
        event = get_object_or_404(SosEvent, uid=event_uid)
        body = ResolutionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            event = services.resolve_event(event, caller(request), Outcome(body.validated_data["outcome"]))
        except services.StepMakesNoSense as why:
            raise _conflict(why) from None
        return Response(ResolvedSerializer(event).data)
