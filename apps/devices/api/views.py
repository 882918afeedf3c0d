"""Registering devices, what their owners say about them, and what they report."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.looking import ReasonSerializer, keep_look
from apps.users.api.permissions import IsDispatcher, caller
from apps.users.models import Status, User
from apps.users.rules.phones import PhoneNotProven
from mdd_backend.api.errors import Conflict
from mdd_backend.api.openapi import documented

from ..models import Device
from ..rules import moving, queries, registry, tokens
from . import examples
from .authentication import device_of_token
from .filters import DeviceFilter
from .serializers import (
    ClaimCodeSerializer,
    DeviceChangeSerializer,
    DeviceMoveSerializer,
    DeviceRegistrationSerializer,
    DeviceSerializer,
    DeviceStatusSerializer,
    DeviceTokenSerializer,
    FixesRecordedSerializer,
    FixesSerializer,
    LocationRecordedSerializer,
    LocationSerializer,
    RegisteredDeviceSerializer,
    TrackFeaturesSerializer,
    TrackQuerySerializer,
    TrackSerializer,
    TroubledDeviceSerializer,
)


class DevicesView(ListModelMixin, GenericAPIView[Device]):
    queryset = Device.objects.none()  # for the documents; see get_queryset
    serializer_class = DeviceSerializer
    filterset_class = DeviceFilter

    def get_queryset(self) -> QuerySet[Device]:
        return queries.devices_known_to(caller(self.request)).order_by("pk")

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        keep_look(self.request, {device.owner_id for device in page or []})
        return page

    @documented(
        "One's own devices",
        gives={200: (DeviceSerializer(many=True), examples.DEVICE)},
        errors=[400],
        query=[ReasonSerializer],
    )
    def get(self, request: Request) -> Response:
        """In the order they were registered; a dispatcher may ask for anybody's with `owner`."""
        return self.list(request)

    @documented(
        "Register a device",
        takes=DeviceRegistrationSerializer,
        sends=examples.REGISTRATION,
        gives={
            201: (RegisteredDeviceSerializer, examples.REGISTERED),
            200: (RegisteredDeviceSerializer, examples.REGISTERED),
        },
        errors=[409, 429],
    )
    def post(self, request: Request) -> Response:
        """200: it is yours already and stays as it is, whatever else this request says. 409: it is somebody else's.

        With a `claim_code` that its owner has made, somebody else's becomes yours (201). A wrong code is a 409, as none
        is. Five are looked at within an hour; then 429. Your phone must be proven: 409 `phone_not_proven`.

        An account may have 50 devices, unless the operators have given it another number. One more is a 400 that names
        `device_uid`; those it has go on.
        """
        body = DeviceRegistrationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            device, created = _register(caller(request), **body.validated_data)
        except moving.TooManyTries as why:
            raise Throttled(why.wait_s, "Too many wrong codes.") from None
        except registry.DeviceTaken:
            raise Conflict("This device belongs to somebody else.") from None
        except PhoneNotProven as why:
            raise Conflict(str(why), code="phone_not_proven") from None
        except registry.TooManyDevices as why:
            raise ValidationError({"device_uid": [str(why)]}) from None
        return Response(RegisteredDeviceSerializer(device).data, status=201 if created else 200)


def _register(owner: User, claim_code: str = "", **fields: Any) -> tuple[Device, bool]:
    if claim_code:
        return moving.register_by_code(owner, fields.pop("device_uid"), claim_code, **fields)
    return registry.register_device(owner, **fields)


class TroubledDevicesView(ListAPIView[Device]):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]
    queryset = Device.objects.none()  # for the documents; see get_queryset
    serializer_class = TroubledDeviceSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Device]:
        return queries.devices_in_trouble()

    @documented(
        "Devices that are silent or low on battery",
        gives={200: (TroubledDeviceSerializer(many=True), examples.TROUBLED)},
        errors=[400],
    )
    def get(self, request: Request) -> Response:
        """For an ADMIN, the newest trouble first. Silent: three of its intervals long, and of three minutes at least.

        Low: at 15 per cent, until it is at 25 again.
        """
        return self.list(request)


class DeviceView(APIView):
    @documented("One device", gives={200: (DeviceSerializer, examples.DEVICE)}, query=[ReasonSerializer])
    def get(self, request: Request, device_uid: str) -> Response:
        """For its owner, and for dispatchers: where the owner has no open event, with a reason."""
        device = queries.device_known_to(caller(request), device_uid)
        keep_look(request, [device.owner_id])
        return Response(DeviceSerializer(device).data)

    @documented(
        "Change what is said about a device",
        takes=DeviceChangeSerializer,
        sends=examples.CHANGE,
        gives={200: (DeviceSerializer, examples.DEVICE)},
    )
    def patch(self, request: Request, device_uid: str) -> Response:
        """For its owner. What is not mentioned stays; null empties a field."""
        device = queries.device_of(caller(request), device_uid)
        body = DeviceChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(DeviceSerializer(registry.change_device(device, body.validated_data)).data)

    @documented("Remove a device", gives={204: (None, None)})
    def delete(self, request: Request, device_uid: str) -> Response:
        """For its owner. Its track and its token go with it; SOS events stay."""
        registry.remove_device(queries.device_of(caller(request), device_uid), caller(request))
        return Response(status=204)


class TokenView(APIView):
    @documented("Give a device a token of its own", gives={201: (DeviceTokenSerializer, examples.TOKEN)})
    def post(self, request: Request, device_uid: str) -> Response:
        """For its owner. It does not expire, is good for the device's status, location and SOS, and replaces the last.

        It is shown this once; the server keeps only its digest.
        """
        device = queries.device_of(caller(request), device_uid)
        return Response({"token": tokens.issue_token(device), "device_uid": device.device_uid}, status=201)

    @documented("Revoke a device's token", gives={204: (None, None)})
    def delete(self, request: Request, device_uid: str) -> Response:
        """For its owner. At once; also when there is none."""
        tokens.revoke_token(queries.device_of(caller(request), device_uid))
        return Response(status=204)


class ClaimCodeView(APIView):
    @documented("Let another account have a device", gives={201: (ClaimCodeSerializer, examples.CLAIM_CODE)})
    def post(self, request: Request, device_uid: str) -> Response:
        """For its owner: a code to pass on. Whoever registers the device with it, once and within 24 hours, has it.

        The code before it is wrong from now on. The device's track, its token and its notes do not go along.
        """
        device = queries.device_of(caller(request), device_uid)
        code, expires_at = moving.make_claim_code(device)
        made = {"claim_code": code, "expires_at": expires_at, "device_uid": device.device_uid}
        return Response(ClaimCodeSerializer(made).data, status=201)

    @documented("Withdraw the code", gives={204: (None, None)})
    def delete(self, request: Request, device_uid: str) -> Response:
        """For its owner. At once; also when there is none."""
        moving.withdraw_claim_code(queries.device_of(caller(request), device_uid))
        return Response(status=204)


class MoveView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented(
        "Give a device to another account",
        takes=DeviceMoveSerializer,
        sends=examples.MOVE,
        gives={200: (DeviceSerializer, examples.DEVICE | {"has_token": False, "is_established": False})},
    )
    def post(self, request: Request, device_uid: str) -> Response:
        """For an ADMIN, where its owner cannot make a code. The reason is kept. Its track, its token and its notes do
        not go along: the new owner gives it a token.
        """
        dispatcher = caller(request)
        device = queries.device_known_to(dispatcher, device_uid)
        body = DeviceMoveSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        owner = User.objects.filter(uuid=body.validated_data["owner"], status=Status.ACTIVE).first()
        if owner is None:
            raise ValidationError({"owner": ["There is no such active account."]})
        try:
            moved = moving.move_device(device, owner, dispatcher, body.validated_data["reason"])
        except registry.TooManyDevices as why:
            raise ValidationError({"owner": [str(why)]}) from None
        return Response(DeviceSerializer(moved).data)


class ProofView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented("Say that a watch and its wearer are real", gives={200: (DeviceSerializer, examples.DEVICE)})
    def post(self, request: Request, device_uid: str) -> Response:
        """For an ADMIN who knows them, or has called the wearer. The watch counts as established at once, until its
        owner names another wearer. Where helpers are few, its SOS goes before those of watches that are not.
        """
        dispatcher = caller(request)
        device = registry.prove_device(queries.device_known_to(dispatcher, device_uid), dispatcher)
        return Response(DeviceSerializer(device).data)

    @documented("Take that back", gives={204: (None, None)})
    def delete(self, request: Request, device_uid: str) -> Response:
        """For an ADMIN. Also when nobody has said it. A watch that has reported on three days stays established."""
        dispatcher = caller(request)
        registry.take_proof_back(queries.device_known_to(dispatcher, device_uid), dispatcher)
        return Response(status=204)


class _Report(APIView):
    """What the device itself sends, signed in as its owner or by its own token."""

    device_may_enter = True

    def reporting(self, request: Request, device_uid: str) -> Device:
        return device_of_token(request) or queries.device_of(caller(request), device_uid)


class StatusView(_Report):
    @documented(
        "Report a device's status",
        takes=DeviceStatusSerializer,
        sends=examples.STATUS,
        gives={200: (DeviceSerializer, examples.REPORTED)},
    )
    def patch(self, request: Request, device_uid: str) -> Response:
        """What is not mentioned stays; an empty object says that the device is there."""
        device = self.reporting(request, device_uid)
        body = DeviceStatusSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changes = dict(body.validated_data)
        place = {name: changes.pop(name) for name in ("lat", "lon") if name in changes}
        device = registry.report_status(device, changes, registry.Fix(**place) if place else None)
        return Response(DeviceSerializer(device).data)


class LocationView(_Report):
    @documented(
        "Report where a device is",
        takes=LocationSerializer,
        sends=examples.LOCATION,
        gives={201: (LocationRecordedSerializer, examples.LOCATION_RECORDED)},
    )
    def post(self, request: Request, device_uid: str) -> Response:
        """Goes into the track; the device is there from now on, unless a newer fix is known. Repeats change nothing.

        A track takes 1,000 fixes at once, and one more each second. One beyond that moves the device and is not kept;
        the answer says so by `over_limit`.
        """
        device = self.reporting(request, device_uid)
        body = LocationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        kept = registry.record_fix(device, registry.Fix(**body.validated_data))
        return Response(kept.shown_of_one(), status=201)


class LocationsView(_Report):
    @documented(
        "Report where a device has been",
        takes=FixesSerializer,
        sends=examples.FIXES,
        gives={200: (FixesRecordedSerializer, examples.FIXES_RECORDED)},
    )
    def post(self, request: Request, device_uid: str) -> Response:
        """Up to 1,000 fixes kept while there was no connection, in any order. Good ones are stored although others are
        refused; those of a time that the track already has are counted and left. Send the same again when in doubt.

        A track takes 1,000 fixes at once, and one more each second: of more the newest are kept, and the others are
        counted in `over_limit`.
        """
        device = self.reporting(request, device_uid)
        body = FixesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        good = body.good
        kept = registry.record_fixes(device, good)
        return Response({**kept.shown(len(good)), "refused": body.refused})


class TrackView(APIView):
    @documented(
        "Where a device has been",
        query=[TrackQuerySerializer, ReasonSerializer],
        gives={
            (200, "application/json"): (TrackSerializer, examples.TRACK),
            (200, "application/geo+json"): (TrackFeaturesSerializer, examples.TRACK_FEATURES),
        },
    )
    def get(self, request: Request, device_uid: str) -> Response:
        """For its owner and for dispatchers: the fixes from `from` until before `to`, the oldest first."""
        device = queries.device_known_to(caller(request), device_uid)
        query = TrackQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        params = query.validated_data
        keep_look(request, [device.owner_id])
        track = queries.track_of(device, params["from"], params["to"], params["limit"])
        if params["as"] == "geojson":
            return Response(TrackFeaturesSerializer(track).data, content_type="application/geo+json")
        return Response(TrackSerializer(track).data)
