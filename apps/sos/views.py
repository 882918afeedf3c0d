"""Signals in, answers in."""

from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.permissions import IsDispatcher, caller
from mdd_backend.errors import Conflict
from mdd_backend.rest import ForgivingJson

from . import services
from .models import AlertStatus, HelperAlert, Outcome, SosEvent


class TriggerView(APIView):
    """Takes a signal from any known account, whatever is wrong with its fields."""

    banned_may_enter = True
    parser_classes: list[Any] = [ForgivingJson]

    def post(self, request: Request) -> Response:
        if not isinstance(request.data, dict):
            raise ParseError("The body is not a JSON object.")
        event, created, warnings = services.open_event(caller(request), request.data)
        answer: dict[str, Any] = {
            "status": "created" if created else "duplicate",
            "event_uid": str(event.uid),
        }
        if warnings:
            answer["warnings"] = warnings
        return Response(answer, status=201 if created else 200)


class AnswerSerializer(serializers.Serializer[HelperAlert]):
    status = serializers.ChoiceField([AlertStatus.ACCEPTED.value, AlertStatus.DECLINED.value])


class RespondView(APIView):
    def post(self, request: Request, event_uid: UUID) -> Response:
        helper = caller(request)
        event = SosEvent.objects.filter(uid=event_uid, alerts__helper=helper).first()
        if event is None:
            raise Http404
        body = AnswerSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            alert = services.answer_alert(event, helper, AlertStatus(body.validated_data["status"]))
        except services.StepMakesNoSense as why:
            raise _conflict(why) from None
        return Response(_answered(alert))


def _answered(alert: HelperAlert) -> dict[str, Any]:
    """Whoever comes learns where to and to whom; nobody else does."""
    event = alert.event
    shown: dict[str, Any] = {
        "event_uid": str(event.uid),
        "status": alert.status,
        "event_status": event.status,
    }
    if alert.status == AlertStatus.ACCEPTED:
        wearer = {"full_name": event.user.full_name, "phone_number": str(event.user.phone_number)}
        shown |= {"lat": event.lat, "lon": event.lon, "wearer": wearer}
    return shown


def _conflict(why: services.StepMakesNoSense) -> Conflict:
    state = {"event_status": why.event.status}
    if why.alert:
        state["status"] = why.alert.status
    return Conflict(str(why), state)


class ResolutionSerializer(serializers.Serializer[SosEvent]):
    outcome = serializers.ChoiceField(Outcome.choices)


class ResolveView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def post(self, request: Request, event_uid: UUID) -> Response:
        event = SosEvent.objects.filter(uid=event_uid).first()
        if event is None:
            raise Http404
        body = ResolutionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            event = services.resolve_event(event, caller(request), Outcome(body.validated_data["outcome"]))
        except services.StepMakesNoSense as why:
            raise _conflict(why) from None
        return Response({"event_uid": str(event.uid), "event_status": event.status, "outcome": event.outcome})
