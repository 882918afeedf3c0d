"""A signal, and a position, taken by two APIViews and the ORM."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication

from apps.devices.models import Device, LocationTrack
from apps.sos.kinds import JournalKind, LocationSource
from apps.sos.locks import JOURNAL
from apps.sos.models import DispatchPolicy, JournalEntry, Signal, SosEvent

from .authentication import DeviceTokenAuthentication
from .serializers import LocationSerializer, SignalSerializer

WHO = (DeviceTokenAuthentication, JWTAuthentication)
SAME_EVENT = timedelta(seconds=300)


class TriggerView(APIView):
    """201: an event is open. 200: the signal is another press for one."""

    authentication_classes = WHO
    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        serializer = SignalSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            event, is_new = self._open(request, serializer.validated_data)
        return Response({"event_uid": str(event.uid)}, status=201 if is_new else 200)

    def _open(self, request: Request, signal: dict[str, Any]) -> tuple[SosEvent, bool]:
        now = timezone.now()
        devices = Device.objects.select_for_update().filter(owner_id=request.user.pk)
        device = get_object_or_404(devices, device_uid=signal["device_uid"])
        device.is_online, device.last_seen_at = True, now
        device.save(update_fields=["is_online", "last_seen_at"])
        event = SosEvent.objects.open().filter(device=device, last_signal_at__gt=now - SAME_EVENT).first()
        is_new = event is None
        if event is None:
            event = self._create(device, signal, now)
        Signal.objects.create(
            event=event, user_id=device.owner_id, device=device, device_time=signal["timestamp"], received_at=now,
            signal_hash=hashlib.sha256(json.dumps(request.data).encode()).digest(), raw_payload=signal["raw_payload"],
        )  # fmt: skip
        self._tell(event, JournalKind.EVENT_OPENED if is_new else JournalKind.SIGNAL_MERGED)
        return event, is_new

    def _create(self, device: Device, signal: dict[str, Any], now: datetime) -> SosEvent:
        policy = DispatchPolicy.objects.filter(detected_type__in=["", signal["detected_type"]]).last()
        place = Point(signal["lon"], signal["lat"])
        event: SosEvent = SosEvent.objects.create(
            user=device.owner, device=device, device_uid_text=device.device_uid, detected_type=signal["detected_type"],
            severity=signal["severity"], occurred_at=signal["timestamp"], received_at=now, position=place,
            position_at=now, told_position=place, altitude=signal.get("altitude"),
            location_source=LocationSource.SIGNAL, location_age_s=0, last_signal_at=now,
            plan=model_to_dict(policy or DispatchPolicy()), wave_at=now, next_step_at=now,
        )  # fmt: skip
        return event

    def _tell(self, event: SosEvent, kind: JournalKind) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [JOURNAL])
            cursor.execute("SELECT nextval('sos_journal_position')")
            (position,) = cursor.fetchone()
        JournalEntry.objects.create(
            position=position, event=event, kind=kind, status=event.status, at=timezone.now(), actor_id=event.user_id
        )


class LocationView(APIView):
    """201: the position is in the track, and the device has moved there."""

    authentication_classes = WHO
    permission_classes = (IsAuthenticated,)

    def post(self, request: Request, device_uid: str) -> Response:
        serializer = LocationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fix, now = serializer.validated_data, timezone.now()
        place = Point(fix["lon"], fix["lat"])
        with transaction.atomic():
            devices = Device.objects.select_for_update().filter(owner_id=request.user.pk)
            device = get_object_or_404(devices, device_uid=device_uid)
            device.is_online, device.last_seen_at, device.position, device.position_at = True, now, place, now
            device.battery_level, device.battery_at = fix.get("battery_level"), now
            device.save(update_fields=_MOVED)
            LocationTrack.objects.create(
                device=device, recorded_at=now, received_at=now, position=place, speed=fix.get("speed"),
                direction=fix.get("direction"), battery_level=fix.get("battery_level"),
            )  # fmt: skip
        return Response({"status": "recorded"}, status=201)


_MOVED = ("is_online", "last_seen_at", "position", "position_at", "battery_level", "battery_at")
