"""Push tokens and receipts."""

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.permissions import caller
from mdd_backend.rest import TextField

from . import services
from .models import Platform, PushToken
from .receipts import notification_of


class PushTokenSerializer(serializers.Serializer[PushToken]):
    id = serializers.IntegerField(read_only=True)
    token = TextField(max_length=1024, write_only=True)
    platform = serializers.ChoiceField(Platform.choices)


class PushTokensView(APIView):
    def post(self, request: Request) -> Response:
        body = PushTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        kept, created = services.save_push_token(caller(request), **body.validated_data)
        return Response(PushTokenSerializer(kept).data, status=201 if created else 200)


class ReceiptView(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def post(self, request: Request, signed: str) -> Response:
        uuid = notification_of(signed)
        if uuid is None or not services.acknowledge_receipt(uuid):
            raise Http404
        return Response({"status": "received"})
