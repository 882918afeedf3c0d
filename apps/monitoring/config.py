"""What phones and watches are told about how to behave here."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.models import Language
from mdd_backend.api.openapi import documented


class VersionsSerializer(serializers.Serializer[Any]):
    android = serializers.CharField()
    ios = serializers.CharField()


class IntervalsSerializer(serializers.Serializer[Any]):
    """Seconds."""

    location = serializers.IntegerField(help_text="Between two fixes.")
    location_in_sos = serializers.IntegerField(help_text="The same, while an event of the device is open.")
    status = serializers.IntegerField(help_text="Between two status reports.")


class FlagsSerializer(serializers.Serializer[Any]):
    helpers_auto_approve = serializers.BooleanField(help_text="Whoever wants to help is a helper at once.")
    push = serializers.BooleanField(help_text="This server can send pushes.")
    sms = serializers.BooleanField(help_text="This server can send texts.")


class ConfigSerializer(serializers.Serializer[Any]):
    server_time = serializers.DateTimeField(help_text="By which a device may set its clock.")
    min_app_versions = VersionsSerializer(help_text="An app below must ask for an update.")
    intervals_s = IntervalsSerializer()
    languages = serializers.ListField(child=serializers.CharField())
    flags = FlagsSerializer()


EXAMPLE = {
    "server_time": "2025-10-28T12:00:00.123456Z",
    "min_app_versions": {"android": "1.0.0", "ios": "1.0.0"},
    "intervals_s": {"location": 60, "location_in_sos": 5, "status": 300},
    "languages": ["ru", "uz", "en"],
    "flags": {"helpers_auto_approve": False, "push": True, "sms": False},
}


class ConfigView(APIView):
    """Asked at every start of an app; needs no account and no database."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @documented("Server time, intervals, versions and flags", gives={200: (ConfigSerializer, EXAMPLE)})
    def get(self, request: Request) -> Response:
        shown = {
            "server_time": timezone.now(),
            "min_app_versions": settings.MIN_APP_VERSIONS,
            "intervals_s": {
                "location": settings.LOCATION_INTERVAL_S,
                "location_in_sos": settings.LOCATION_INTERVAL_SOS_S,
                "status": settings.STATUS_INTERVAL_S,
            },
            "languages": Language.values,
            "flags": {
                "helpers_auto_approve": settings.HELPERS_AUTO_APPROVE,
                "push": bool(settings.FCM_SERVICE_ACCOUNT_JSON),
                "sms": bool(settings.SMS_TRANSPORT),
            },
        }
        return Response(ConfigSerializer(shown).data)
