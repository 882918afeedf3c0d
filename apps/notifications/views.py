"""Push tokens and receipts."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.permissions import caller
from mdd_backend.openapi import documented
from mdd_backend.rest import TextField

from . import selectors, services
from .models import Platform, PushToken
from .receipts import notification_of


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


TOKEN = {"token": "fGh1…:APA91b…", "platform": "ANDROID"}
KEPT = {"id": 17, "platform": "ANDROID"}
APP = KEPT | {"created_at": "2025-10-28T12:00:00.123456Z", "refreshed_at": "2025-11-02T08:30:00.123456Z"}


class PushTokensView(ListAPIView[PushToken]):
    queryset = PushToken.objects.none()  # for the documents; see get_queryset
    serializer_class = InstalledAppSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[PushToken]:
        return selectors.push_tokens_in_use().filter(user=caller(self.request))

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
        """Send it at every start: 200 refreshes a known one, and moves it to the caller if it was another's."""
        body = PushTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        kept, created = services.save_push_token(caller(request), **body.validated_data)
        return Response(PushTokenSerializer(kept).data, status=201 if created else 200)


class PushTokenView(APIView):
    @documented("Let an app ring no more", gives={204: (None, None)})
    def delete(self, request: Request, token_id: int) -> Response:
        """On signing out, for instance."""
        if not services.forget_push_token(caller(request), token_id):
            raise Http404
        return Response(status=204)


class ReceiptView(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @documented("Say that a push is shown", gives={200: (ReceivedSerializer, {"status": "received"})})
    def post(self, request: Request, signed: str) -> Response:
        """At the push's `receipt_url`, which needs no token; a repeat changes nothing."""
        uuid = notification_of(signed)
        if uuid is None or not services.acknowledge_receipt(uuid):
            raise Http404
        return Response({"status": "received"})
