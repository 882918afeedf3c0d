"""Signals in, answers in, events out."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.devices.api.authentication import device_of_token, is_stale
from apps.devices.rules.registry import see_helper
from apps.users.api.looking import ReasonSerializer, reason_of
from apps.users.api.permissions import IsDispatcher, caller
from apps.users.models import User
from mdd_backend.api.errors import Conflict
from mdd_backend.api.openapi import documented
from mdd_backend.api.paging import NewestFirst
from mdd_backend.api.rest import ForgivingJson

from ...kinds import AlertStatus, Outcome, Service
from ...models import SosEvent
from ...queries.events import called_helper, events_known_to, with_people
from ...rules import desk, looks, opening
from ...rules.answers import answer_alert
from ...rules.closing import StepMakesNoSense
from ...rules.search import passed_over
from .. import examples
from ..filters import EventFilter
from ..serializers.detail import EventDetailSerializer
from ..serializers.events import (
    AnsweredSerializer,
    AnswerSerializer,
    AssignmentSerializer,
    CalledHelperSerializer,
    DrillSerializer,
    EventSerializer,
    HandoverSerializer,
    NoteSerializer,
    PassedOverSerializer,
    ResolutionSerializer,
    SignalSerializer,
    StandingSerializer,
    TriggeredSerializer,
)

T = TypeVar("T")


class TriggerView(APIView):
    """Takes a signal from any known account or device, whatever is wrong with its fields."""

    banned_may_enter = True
    device_may_enter = True
    once_valid_may_enter = True
    parser_classes: list[Any] = [ForgivingJson]

    @documented(
        "Send an SOS signal",
        takes=SignalSerializer,
        sends=examples.SIGNAL,
        gives={201: (TriggeredSerializer, examples.CREATED), 200: (TriggeredSerializer, examples.DUPLICATE)},
    )
    def post(self, request: Request) -> Response:
        """201: an event is open and on disk, helpers are being called. 200: it repeats one, and was counted.

        Also with a token that has run out or was revoked: dispatchers look at the event before helpers are called.
        """
        if not isinstance(request.data, dict):
            raise ParseError("The body is not a JSON object.")
        sender, stale = device_of_token(request), is_stale(request)
        opened = opening.open_event(caller(request), request.data, sender, is_stale=stale)
        return _triggered(opened, opened.warnings)


def _triggered(opened: opening.Opened, warnings: dict[str, list[str]] | None = None) -> Response:
    answer = {"status": "created" if opened.is_new else "duplicate", "event_uid": str(opened.event.uid)}
    return Response(answer | ({"warnings": warnings} if warnings else {}), status=201 if opened.is_new else 200)


class DrillView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented(
        "Start a drill",
        takes=DrillSerializer,
        sends={"lat": 41.311081, "lon": 69.240562, "severity": 3},
        gives={201: (TriggeredSerializer, examples.CREATED), 200: (TriggeredSerializer, examples.DUPLICATE)},
    )
    def post(self, request: Request) -> Response:
        """Goes the whole way of an SOS of the dispatcher's own: everybody told hears first that it is a drill.

        Nobody's emergency contacts are told, and a real SOS calls those who are busy with a drill.
        """
        body = _read(DrillSerializer, request)
        return _triggered(opening.open_event(caller(request), body, is_drill=True))


class _Events(GenericAPIView[SosEvent]):
    queryset = SosEvent.objects.none()  # for the documents; see get_queryset
    serializer_class = EventSerializer

    def get_queryset(self) -> QuerySet[SosEvent]:
        caller(self.request).look_reason = reason_of(self.request)
        return with_people(events_known_to(caller(self.request)))

    def get_serializer_context(self) -> dict[str, Any]:
        return {"viewer": self.request.user}


class EventsView(ListModelMixin, _Events):
    pagination_class = NewestFirst
    filterset_class = EventFilter

    @documented(
        "Events, the newest first",
        gives={200: (EventSerializer(many=True), examples.EVENT)},
        errors=[400],
        query=[ReasonSerializer],
    )
    def get(self, request: Request) -> Response:
        """A wearer's own, those a helper was called to, all for a dispatcher; each as far as the caller may see it."""
        return self.list(request)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        looks.keep_looks(page or [], caller(self.request))
        return page


class EventView(RetrieveModelMixin, _Events):
    lookup_field = "uid"
    lookup_url_kwarg = "event_uid"
    filter_backends: list[Any] = []
    serializer_class = EventDetailSerializer

    @documented("One event", gives={200: (EventDetailSerializer, examples.DETAIL)}, query=[ReasonSerializer])
    def get(self, request: Request, event_uid: UUID) -> Response:
        """As far as the caller may see it; to whoever has no part in it, it does not exist."""
        return self.retrieve(request)

    def get_object(self) -> SosEvent:
        event = super().get_object()
        looks.keep_looks([event], caller(self.request))
        return event


class RespondView(APIView):
    @documented(
        "Answer a call",
        takes=AnswerSerializer,
        sends={"status": "ACCEPTED", "lat": 41.3127, "lon": 69.2417},
        gives={200: (AnsweredSerializer, examples.ANSWERED)},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """For a helper called to the event: ACCEPTED or DECLINED, then EN_ROUTE, ON_SCENE, DONE, or WITHDRAWN, UNSAFE.

        Accepting reveals the place and the person. A repeat changes nothing; a step that makes no sense is a 409 with
        the event's state and one's own.
        """
        helper = caller(request)
        event = get_object_or_404(SosEvent, uid=event_uid, alerts__helper=helper)
        body = _read(AnswerSerializer, request)
        if "lat" in body:
            see_helper(helper, body["lat"], body["lon"])
        alert = _stepping(answer_alert, event, helper, AlertStatus(body["status"]))
        looks.keep_look_of_answer(alert)
        return Response(AnsweredSerializer(alert).data)


def _read(serializer: Any, request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    checked: dict[str, Any] = body.validated_data
    return checked


def _stepping(step: Callable[..., T], *arguments: Any) -> T:
    """What the service gives; 409 with the present state when the step makes no sense."""
    try:
        return step(*arguments)
    except StepMakesNoSense as why:
        state = {"event_status": why.event.status}
        if why.alert:
            state["status"] = why.alert.status
        raise Conflict(str(why), state) from None


class CancelView(APIView):
    device_may_enter = True

    @documented(
        "Say that one is fine",
        gives={200: (StandingSerializer, examples.CANCELLED)},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """For the wearer and their device. Before anybody accepted it closes the event; later a dispatcher confirms."""
        wearer, device = caller(request), device_of_token(request)
        own = SosEvent.objects.filter(user=wearer)
        event = get_object_or_404(own.filter(device=device) if device else own, uid=event_uid)
        return Response(StandingSerializer(_stepping(opening.cancel_event, event, wearer)).data)


class DeskView(APIView):
    """What dispatchers do about an event."""

    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def event(self, event_uid: UUID) -> SosEvent:
        return get_object_or_404(SosEvent, uid=event_uid)

    def answer(self, event: SosEvent) -> Response:
        return Response(StandingSerializer(event).data)


class AcknowledgeView(DeskView):
    @documented("Look after an event", gives={200: (StandingSerializer, examples.STANDING)}, errors=[409])
    def post(self, request: Request, event_uid: UUID) -> Response:
        """Silences the alarms to dispatchers for three minutes, not the calls to helpers."""
        return self.answer(_stepping(desk.acknowledge, self.event(event_uid), caller(request)))


class AssignView(DeskView):
    @documented(
        "Send a helper",
        takes=AssignmentSerializer,
        sends={"helper": examples.HELPER["uuid"]},
        gives={200: (CalledHelperSerializer, examples.HELPER)},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """Called or not, beyond those who are enough. ASSIGNED until they accept: that covers the event for 60 s only.

        With `confirmed_by` the dispatcher has their word for it, and they count as having accepted.
        """
        event = self.event(event_uid)
        body = _read(AssignmentSerializer, request)
        helper = User.objects.filter(uuid=body["helper"]).first()
        try:
            if helper is None:
                raise desk.NoSuchHelper("There is no such account.")
            alert = _stepping(desk.assign, event, caller(request), helper, body.get("confirmed_by", ""))
        except desk.NoSuchHelper as why:
            raise ValidationError({"helper": [str(why)]}) from None
        return Response(CalledHelperSerializer(called_helper(alert), context={"tells_caution": True}).data)


class CallNextWaveView(DeskView):
    @documented("Call the next wave now", gives={200: (StandingSerializer, examples.STANDING)}, errors=[409])
    def post(self, request: Request, event_uid: UUID) -> Response:
        """Whoever is coming, and whatever had halted the calling."""
        return self.answer(_stepping(desk.call_next_wave, self.event(event_uid), caller(request)))


class PassedOverView(DeskView):
    @documented("Why others near are not called", gives={200: (PassedOverSerializer(many=True), examples.PASSED_OVER)})
    def get(self, request: Request, event_uid: UUID) -> Response:
        """Of the 30 nearest who are not called, those who may not be now, the nearest first.

        They are looked for within the radius of the last wave called, or of the first. None once it is closed.
        """
        passed = passed_over(self.event(event_uid))
        people = User.objects.in_bulk([one.user_id for one in passed])
        shown = [{"person": people[one.user_id], **vars(one)} for one in passed]
        return Response(PassedOverSerializer(shown, many=True).data)


class NoteView(DeskView):
    @documented(
        "Write something down",
        takes=NoteSerializer,
        sends={"text": examples.NOTE["text"]},
        gives={201: (NoteSerializer, examples.NOTE)},
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """Only dispatchers read it."""
        event = self.event(event_uid)
        note = desk.add_note(event, caller(request), _read(NoteSerializer, request)["text"])
        return Response(NoteSerializer(note).data, status=201)


class ResolveView(DeskView):
    @documented(
        "Close an event",
        takes=ResolutionSerializer,
        sends={"outcome": "HELPED", "note": "She is with her neighbour."},
        gives={200: (StandingSerializer, examples.RESOLVED)},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """Those called are told that they are needed no more, the wearer and their contacts that it is over."""
        event = self.event(event_uid)
        body = _read(ResolutionSerializer, request)
        outcome, note = Outcome(body["outcome"]), body.get("note", "")
        return self.answer(_stepping(desk.resolve, event, caller(request), outcome, note))


class HandoverView(DeskView):
    @documented(
        "Tell that an emergency service has it",
        takes=HandoverSerializer,
        sends={"to": "103"},
        gives={200: (StandingSerializer, examples.STANDING | {"handed_over_to": "103"})},
        errors=[409],
    )
    def post(self, request: Request, event_uid: UUID) -> Response:
        """101 fire brigade, 102 police, 103 ambulance, 112 rescue. The event stays open."""
        event = self.event(event_uid)
        to = Service(_read(HandoverSerializer, request)["to"])
        return self.answer(_stepping(desk.hand_over, event, caller(request), to))


class ReopenView(DeskView):
    @documented("Open a closed event again", gives={200: (StandingSerializer, examples.STANDING)}, errors=[409])
    def post(self, request: Request, event_uid: UUID) -> Response:
        """Helpers are called again, where the plan had stopped."""
        return self.answer(_stepping(desk.reopen, self.event(event_uid), caller(request)))
