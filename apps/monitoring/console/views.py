"""What the console's page asks for."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as InvalidBox
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.devices.rules.maps import way_of
from apps.sos.api.filters import BoxField
from apps.sos.kinds import Caution, EventStatus
from apps.sos.models import SosEvent
from apps.sos.queries.events import with_people
from apps.sos.queries.privacy import Sight, is_current, sight_of
from apps.sos.rules.looks import keep_looks, keep_looks_at_called
from apps.sos.rules.search import NearHelper, nearest_helpers
from apps.users.api.looking import ReasonSerializer, reason_of
from apps.users.api.permissions import IsDispatcher, caller
from apps.users.kinds import Way
from apps.users.models import User
from mdd_backend.api.openapi import documented

from . import examples
from .areas import reachable_by_area
from .cards import called_people, cards_of, last_position, on_duty, with_cards, without_place

CARDS_MOST, UIDS_MOST = 1000, 500
FREE_WITHIN_M, FREE_MOST = 20_000, 20


class PersonCardSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField()
    full_name = serializers.CharField()
    phone_number = serializers.CharField(allow_null=True)


class DeviceCardSerializer(serializers.Serializer[Any]):
    device_uid = serializers.CharField()
    model = serializers.CharField()
    wearer_name = serializers.CharField()
    battery_level = serializers.IntegerField(allow_null=True)
    is_online = serializers.BooleanField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    lat = serializers.FloatField(allow_null=True)
    lon = serializers.FloatField(allow_null=True)
    position_at = serializers.DateTimeField(allow_null=True)


class CountsSerializer(serializers.Serializer[Any]):
    called = serializers.IntegerField()
    reached = serializers.IntegerField(help_text="Whose phone has said that it received the call.")
    accepted = serializers.IntegerField(help_text="Coming, on the way or there.")
    en_route = serializers.IntegerField(help_text="On the way or there.")
    on_scene = serializers.IntegerField()
    declined = serializers.IntegerField(help_text="Declined, withdrew, or found it unsafe.")


class CardSerializer(serializers.Serializer[Any]):
    """An event as a card of the console's queue."""

    event_uid = serializers.UUIDField()
    status = serializers.ChoiceField(EventStatus.choices)
    resolved = serializers.BooleanField()
    outcome = serializers.CharField(allow_null=True)
    detected_type = serializers.CharField()
    severity = serializers.IntegerField()
    is_test = serializers.BooleanField()
    is_drill = serializers.BooleanField()
    timestamp = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    signal_count = serializers.IntegerField()
    unconfirmed_until = serializers.DateTimeField(allow_null=True)
    silent = serializers.BooleanField()
    stale_credential = serializers.BooleanField(help_text="Sent with a token that had run out or was revoked.")
    halted = serializers.CharField(allow_null=True)
    handed_over_to = serializers.CharField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = PersonCardSerializer(allow_null=True)
    alarm_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on it asks for a dispatcher until one acknowledges it; null: it does not."
    )
    waves_called = serializers.IntegerField()
    waves = serializers.ListField(child=serializers.DictField(), help_text="The plan: radius_m, helpers, wait_s.")
    next_step_at = serializers.DateTimeField(allow_null=True)
    lat = serializers.FloatField(allow_null=True)
    lon = serializers.FloatField(allow_null=True)
    accuracy_m = serializers.FloatField(allow_null=True)
    location_source = serializers.CharField()
    location_age_s = serializers.IntegerField(allow_null=True)
    position_at = serializers.DateTimeField(allow_null=True, help_text="When the place was measured.")
    wearer_name = serializers.CharField(help_text="Of whoever needs help: the device's wearer, else the owner.")
    wearer = PersonCardSerializer(help_text="The account.")
    device = DeviceCardSerializer(allow_null=True)
    people = CountsSerializer()
    nearest_m = serializers.IntegerField(allow_null=True, help_text="The nearest of those coming, in metres.")


class DutySerializer(serializers.Serializer[Any]):
    helpers = serializers.IntegerField()
    dispatchers = serializers.IntegerField()


class QueueSerializer(serializers.Serializer[Any]):
    seq = serializers.IntegerField(help_text="Follow the feed after this: nothing is missed.")
    server_time = serializers.DateTimeField()
    on_duty = DutySerializer()
    events = CardSerializer(many=True)


class QueueQuerySerializer(serializers.Serializer[Any]):
    event = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=UIDS_MOST, help_text="Only these, closed ones too."
    )


class ConsoleView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def event(self, event_uid: UUID) -> SosEvent:
        return get_object_or_404(with_people(SosEvent.objects.all()), uid=event_uid)


class QueueView(ConsoleView):
    @documented("The open events", gives={200: (QueueSerializer, examples.QUEUE)}, query=[QueueQuerySerializer])
    def get(self, request: Request) -> Response:
        """All open events as cards, at most 1,000, the oldest first; or those asked for."""
        query = QueueQuerySerializer(data={"event": request.query_params.getlist("event")})
        query.is_valid(raise_exception=True)
        uids = query.validated_data["event"]
        seq = last_position()
        events = SosEvent.objects.filter(uid__in=uids) if uids else SosEvent.objects.open()
        shown = list(with_cards(events)[:CARDS_MOST])
        keep_looks(shown, caller(request))
        cards = [
            card if is_current(event) else without_place(card)
            for event, card in zip(shown, cards_of(shown), strict=True)
        ]
        answer = {"seq": seq, "server_time": timezone.now(), "on_duty": on_duty(), "events": cards}
        return Response(answer)


class PlaceSerializer(serializers.Serializer[Any]):
    lat = serializers.FloatField()
    lon = serializers.FloatField()


class CalledPersonSerializer(PlaceSerializer):
    uuid = serializers.UUIDField()
    full_name = serializers.CharField()
    status = serializers.CharField()
    seen_at = serializers.DateTimeField()


class EventMapSerializer(serializers.Serializer[Any]):
    server_time = serializers.DateTimeField()
    track = PlaceSerializer(many=True, help_text="Where the device went in the last hour, the oldest first.")
    helpers = CalledPersonSerializer(many=True, help_text="Where those called were seen last; none once it is closed.")


class EventMapView(ConsoleView):
    @documented("Who is where", gives={200: (EventMapSerializer, examples.EVENT_MAP)}, query=[ReasonSerializer])
    def get(self, request: Request, event_uid: UUID) -> Response:
        """The wearer's way and the helpers called, as the map draws them; of a past event the way for a reason only."""
        event, viewer = self.event(event_uid), caller(request)
        viewer.look_reason = reason_of(request)
        keep_looks([event], viewer, Way.MAP)
        keep_looks_at_called(event, viewer)
        until = event.closed_at or timezone.now()
        is_shown = event.device is not None and sight_of(event, viewer, None) == Sight.ALL
        track = way_of(event.device, until) if event.device and is_shown else []
        return Response(
            {
                "server_time": timezone.now(),
                "track": [{"lat": lat, "lon": lon} for lat, lon in track],
                "helpers": called_people(event),
            }
        )


class FreeHelperSerializer(serializers.ModelSerializer[User]):
    phone_number = serializers.CharField(allow_null=True)
    distance_m = serializers.SerializerMethodField(help_text="Metres from the event.")
    caution = serializers.SerializerMethodField(help_text="Why they are called last. Else null.")

    class Meta:
        model = User
        fields = ["uuid", "full_name", "phone_number", "distance_m", "caution"]

    def get_distance_m(self, helper: User) -> int:
        return round(self._near(helper).distance_m)

    @extend_schema_field(serializers.ChoiceField(Caution.choices, allow_null=True))
    def get_caution(self, helper: User) -> str | None:
        return self._near(helper).caution or None

    def _near(self, helper: User) -> NearHelper:
        near: NearHelper = self.context["near"][helper.pk]
        return near


class FreeHelpersView(ConsoleView):
    @documented("Who could be sent", gives={200: (FreeHelperSerializer(many=True), examples.FREE_HELPER)})
    def get(self, request: Request, event_uid: UUID) -> Response:
        """The nearest 20 helpers within 20 km who are free and not called yet, the nearest first."""
        event = self.event(event_uid)
        near = nearest_helpers(event, FREE_WITHIN_M, FREE_MOST)
        people = User.objects.in_bulk([helper.user_id for helper in near])
        helpers = [people[helper.user_id] for helper in near]
        context = {"near": {helper.user_id: helper for helper in near}}
        return Response(FreeHelperSerializer(helpers, many=True, context=context).data)


class AreaQuerySerializer(serializers.Serializer[Any]):
    bbox = serializers.CharField(help_text="min_lon,min_lat,max_lon,max_lat in degrees WGS 84.")

    def validate_bbox(self, raw: str) -> Any:
        try:
            return BoxField().clean(raw)
        except InvalidBox as why:
            raise serializers.ValidationError(why.messages) from None


class AreaCountSerializer(PlaceSerializer):
    """A square: its centre in degrees, its size in metres, and how many helpers could be reached there."""

    size_m = serializers.IntegerField()
    reachable = serializers.IntegerField()


class AreasView(ConsoleView):
    @documented(
        "How many helpers could be reached, by area",
        gives={200: (AreaCountSerializer(many=True), examples.AREA)},
        query=[AreaQuerySerializer],
    )
    def get(self, request: Request) -> Response:
        """Counts only: where a helper is nobody sees who has not called them."""
        query = AreaQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(reachable_by_area(*query.validated_data["bbox"]))
