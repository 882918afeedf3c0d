"""Registering devices, and what they report."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.permissions import caller
from mdd_backend.errors import Conflict

from . import services
from .selectors import device_of
from .serializers import (
    DeviceSerializer,
    DeviceStatusSerializer,
    LocationSerializer,
    RegistrationSerializer,
    StatusSerializer,
)


class DevicesView(APIView):
    def post(self, request: Request) -> Response:
        body = RegistrationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            device, created = services.register_device(caller(request), **body.validated_data)
        except services.DeviceTaken:
            raise Conflict("This device belongs to somebody else.") from None
        return Response(DeviceSerializer(device).data, status=201 if created else 200)


class StatusView(APIView):
    def patch(self, request: Request, device_uid: str) -> Response:
        device = device_of(caller(request), device_uid)
        body = StatusSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changes = dict(body.validated_data)
        place = {name: changes.pop(name) for name in ("lat", "lon") if name in changes}
        device = services.report_status(device, changes, services.Fix(**place) if place else None)
        return Response(DeviceStatusSerializer(device).data)


class LocationView(APIView):
    def post(self, request: Request, device_uid: str) -> Response:
        device = device_of(caller(request), device_uid)
        body = LocationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        services.record_fix(device, services.Fix(**body.validated_data))
        return Response({"status": "location recorded"}, status=201)
