"""Push tokens, receipts, and the messages to oneself."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from apps.users.api.permissions import caller
from apps.users.rules.sessions import hold_session
from apps.users.rules.tokens import session_of
from mdd_backend.api.openapi import documented
from mdd_backend.api.paging import NewestFirst
from mdd_backend.api.rest import ForgivingJson, LatitudeField, LongitudeField, StrictJson, TextField

from ..models import Notification, NotificationChange, Platform, PushToken
from ..rules import queries, queueing
from ..rules.receipts import notification_of, notification_of_status
from ..transports import Reports
from .filters import NotificationFilter


class PushTokenSerializer(serializers.Serializer[PushToken]):
    """An app's token as it is taken; it is never shown."""

    id = serializers.IntegerField(read_only=True)
    token = TextField(max_length=1024, write_only=True, help_text="As Firebase gave it to the app.")
    platform = serializers.ChoiceField(Platform.choices)


class InstalledAppSerializer(serializers.ModelSerializer[PushToken]):
    """An app that can be rung, by the id of its push token."""

    class Meta:
        model = PushToken
        fields = ["id", "platform", "created_at", "refreshed_at"]


class ReceivedSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["received"])


class ReceiptTakenSerializer(ReceivedSerializer):
    warnings = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="By field, why the place was not taken; `body` when nothing could be read.",
    )


TOKEN = {"token": "fGh1…:APA91b…", "platform": "ANDROID"}
KEPT = {"id": 17, "platform": "ANDROID"}
APP = KEPT | {"created_at": "2025-10-28T12:00:00.123456Z", "refreshed_at": "2025-11-02T08:30:00.123456Z"}


class PushTokensView(ListAPIView[PushToken]):
    queryset = PushToken.objects.none()  # for the documents; see get_queryset
    serializer_class = InstalledAppSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[PushToken]:
        return queries.push_tokens_in_use().filter(user=caller(self.request))

    @documented("One's own apps that can be rung", gives={200: (InstalledAppSerializer(many=True), APP)})
    def get(self, request: Request) -> Response:
        """Without the tokens themselves. One that is not refreshed for 60 days is retired."""
        return self.list(request)

    @documented(
        "Make an app ring",
        takes=PushTokenSerializer,
        sends=TOKEN,
        gives={201: (PushTokenSerializer, KEPT), 200: (PushTokenSerializer, KEPT)},
    )
    def post(self, request: Request) -> Response:
        """Send it at every start and after each sign-in: signing out, and a new password set elsewhere, take it along.

        200 refreshes a known one, and moves it to the caller if it was another's. Nobody has more than 20: with the
        21st, the one that was not refreshed for the longest time goes.
        """
        body = PushTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            try:
                hold_session(request.auth, caller(request))
            except TokenError as why:
                raise InvalidToken(str(why)) from None
            session = session_of(request.auth)
            kept, created = queueing.save_push_token(caller(request), **body.validated_data, session=session)
        return Response(PushTokenSerializer(kept).data, status=201 if created else 200)


class PushTokenView(APIView):
    @documented("Let an app ring no more", gives={204: (None, None)})
    def delete(self, request: Request, token_id: int) -> Response:
        """When the person wants no calls on that phone; signing out does it by itself."""
        if not queueing.forget_push_token(caller(request), token_id):
            raise Http404
        return Response(status=204)


class PlaceSerializer(serializers.Serializer[Any]):
    """Both or neither."""

    lat = LatitudeField(required=False)
    lon = LongitudeField(required=False)

    def validate(self, place: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in ("lat", "lon") if name not in place]
        if len(missing) == 1:
            raise serializers.ValidationError({missing[0]: "Is needed with the other."})
        if place and place["lat"] == place["lon"] == 0:
            raise serializers.ValidationError({"lat": "0/0 is no place."})
        return place


class ReceiptView(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes: list[Any] = [ForgivingJson]
    bears_any_body = True

    @documented(
        "Say that a push is shown",
        takes=PlaceSerializer,
        sends={"lat": 41.3127, "lon": 69.2417},
        gives={200: (ReceiptTakenSerializer, {"status": "received"})},
    )
    def post(self, request: Request, signed: str) -> Response:
        """At the push's `receipt_url`, which needs no token; a repeat changes nothing.

        The body may be empty, or say where the phone is. The receipt counts whatever else it holds: a place that cannot
        be used is left out, and named in `warnings`.
        """
        uuid = notification_of(signed)
        if uuid is None:
            raise Http404
        place, warnings = _place_in(request)
        if not queueing.acknowledge_receipt(uuid, place):
            raise Http404
        return Response({"status": "received"} | ({"warnings": warnings} if warnings else {}))


def _place_in(request: Request) -> tuple[tuple[float, float] | None, dict[str, Any]]:
    """The place (lat, lon) in a body, if there is a good one, and what is wrong with the body, by field."""
    try:
        sent: Any = request.data
    except APIException as why:
        return None, {"body": [str(why.detail)]}
    if not isinstance(sent, dict):
        return None, {"body": ["Is not a JSON object."]}
    body = PlaceSerializer(data=sent)
    if not body.is_valid():
        return None, dict(body.errors)
    place = body.validated_data
    return (place["lat"], place["lon"]) if place else None, {}


class Form(StrictJson):
    """A form as small and as well-formed as JSON has to be."""

    media_type = "application/x-www-form-urlencoded"

    def loads(self, text: str) -> dict[str, str]:
        return dict(parse_qsl(text, max_num_fields=100))


class GatewayView(APIView):
    """Where a gateway says what became of a message, as its transport declares (`Reports`)."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes: list[Any] = [StrictJson, Form]


def gateway_view(gateway: str, reports: Reports) -> type[GatewayView]:
    """The view for one gateway's reports."""
    shape = {
        "__doc__": "What the gateway posts; it sends more, which is not needed.",
        reports.field: TextField(max_length=40),
    }
    body_of = type("GatewayStatusSerializer", (serializers.Serializer,), shape)

    class View(GatewayView):
        @documented(
            "Hear from the SMS gateway",
            takes=body_of,
            sends={reports.field: min(reports.arrived, key=len)},
            gives={200: (ReceivedSerializer, {"status": "received"})},
        )
        def post(self, request: Request, status_signed: str) -> Response:
            uuid = notification_of_status(status_signed)
            if uuid is None:
                raise Http404
            body = body_of(data=request.data)
            body.is_valid(raise_exception=True)
            if not queueing.settle_by_gateway(uuid, reports, body.validated_data[reports.field].upper()):
                raise Http404
            return Response({"status": "received"})

    View.post.__doc__ = (
        f"For {gateway.capitalize()}, at the signed `callback_url` of a message: what became of it."
        " A repeat changes nothing."
    )
    return View


class ChangeSerializer(serializers.ModelSerializer[NotificationChange]):
    class Meta:
        model = NotificationChange
        fields = ["state", "at"]


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """A message to oneself, and what became of it."""

    changes = ChangeSerializer(many=True)

    class Meta:
        model = Notification
        fields = ["uuid", "kind", "channel", "event_uid", "state", "created_at", "changes"]


NOTIFICATION = {
    "uuid": "5d0f4a8e-93c2-4a53-8e0c-2f6b1c9d7a10",
    "kind": "SOS_ALERT",
    "channel": "FCM",
    "event_uid": "7b0e2c38-5a52-4a5c-9a0e-1f4a8a0d6f11",
    "state": "READ",
    "created_at": "2025-10-28T12:00:00.520000Z",
    "changes": [{"state": "SENT", "at": "2025-10-28T12:00:00.701000Z"}],
}


class NotificationsView(ListAPIView[Notification]):
    queryset = Notification.objects.none()  # for the documents; see get_queryset
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Notification]:
        return queries.notifications_to(caller(self.request))

    @documented(
        "Messages to oneself, the newest first",
        gives={200: (NotificationSerializer(many=True), NOTIFICATION)},
        errors=[400],
    )
    def get(self, request: Request) -> Response:
        return self.list(request)


class ReadView(APIView):
    @documented("Say that one has read a message", gives={200: (NotificationSerializer, NOTIFICATION)})
    def post(self, request: Request, notification_uuid: UUID) -> Response:
        """A repeat changes nothing."""
        own = queries.notifications_to(caller(request))
        queueing.mark_read(get_object_or_404(own, uuid=notification_uuid))
        return Response(NotificationSerializer(own.get(uuid=notification_uuid)).data)
