"""Which events a list holds."""

import re
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, FloatField, Func, Q, QuerySet
from django.db.models.fields.json import KT
from django.forms import Field, ValidationError
from django.utils import timezone
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from apps.users.models import User

from ..kinds import DEEDS, DetectedType, EventStatus, Outcome
from ..models import JournalEntry, SosEvent
from ..queries.events import seen_exactly
from ..queries.privacy import CURRENT_FOR

DIGITS_LEAST = 4  # fewer would find half of everybody
YES_OR_NO = (("true", "true"), ("false", "false"))


class BoxField(Field):
    """`min_lon,min_lat,max_lon,max_lat` in degrees WGS 84; over the antimeridian min_lon > max_lon (RFC 7946)."""

    def clean(self, value: Any) -> tuple[float, float, float, float] | None:
        if not value:
            return None
        try:
            west, south, east, north = (float(part) for part in str(value).split(","))
        except ValueError:
            raise ValidationError("Is not min_lon,min_lat,max_lon,max_lat.") from None
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise ValidationError("Is not a box in degrees: min_lon,min_lat,max_lon,max_lat.")
        return west, south, east, north


class TimeField(IsoDateTimeField):
    """In UTC, since PostgreSQL does not know every offset that ISO 8601 can write."""

    def clean(self, value: Any) -> datetime | None:
        time: datetime | None = super().clean(value)
        try:
            return time and time.astimezone(UTC)
        except OverflowError:
            raise ValidationError("Is beyond what can be kept.") from None


class TimeFilter(filters.IsoDateTimeFilter):
    field_class = TimeField


class BoxFilter(filters.Filter):
    field_class = BoxField


def _degrees(axis: str) -> Func:
    return Func(F("position"), template=f"ST_{axis}(%(expressions)s::geometry)", output_field=FloatField())


class EventFilter(filters.FilterSet):
    """`device`, `person` and `bbox` find only what the caller may see the place of: they tell nothing it hides."""

    active = filters.TypedChoiceFilter(
        choices=YES_OR_NO, coerce=lambda raw: raw == "true", method="filter_active", help_text="Open, or closed."
    )
    status = filters.MultipleChoiceFilter(choices=EventStatus.choices, help_text="Given several times: any of them.")
    since = TimeFilter(field_name="received_at", lookup_expr="gte", help_text="Received then or later.")
    until = TimeFilter(field_name="received_at", lookup_expr="lt", help_text="Received before.")
    device = filters.CharFilter(method="filter_device", max_length=64, help_text="A device_uid.")
    person = filters.CharFilter(
        method="filter_person", max_length=100, help_text="Part of the wearer's name, or digits of their phone number."
    )
    outcome = filters.MultipleChoiceFilter(choices=Outcome.choices, help_text="Given several times: any of them.")
    kind = filters.MultipleChoiceFilter(
        field_name="detected_type", choices=DetectedType.choices, help_text="Given several times: any of them."
    )
    drill = filters.TypedChoiceFilter(
        field_name="is_drill", choices=YES_OR_NO, coerce=lambda raw: raw == "true", help_text="Drills, or none."
    )
    bbox = BoxFilter(method="filter_bbox", help_text="min_lon,min_lat,max_lon,max_lat in degrees WGS 84.")

    class Meta:
        model = SosEvent
        fields: list[str] = []

    @extend_schema_field(OpenApiTypes.BOOL)
    def filter_active(self, events: QuerySet[SosEvent], name: str, active: bool) -> QuerySet[SosEvent]:
        is_open = Q(status__in=[EventStatus.NEW, EventStatus.IN_PROGRESS])
        return events.filter(is_open if active else ~is_open)

    @extend_schema_field(OpenApiTypes.STR)
    def filter_device(self, events: QuerySet[SosEvent], name: str, device_uid: str) -> QuerySet[SosEvent]:
        return seen_exactly(events, self.request.user).filter(device__device_uid=device_uid)

    @extend_schema_field(OpenApiTypes.STR)
    def filter_person(self, events: QuerySet[SosEvent], name: str, words: str) -> QuerySet[SosEvent]:
        digits = re.sub(r"\D", "", words)
        is_theirs = Q(user__full_name__icontains=words) | Q(device__wearer_name__icontains=words)
        if len(digits) >= DIGITS_LEAST:
            is_theirs |= Q(user__phone_number__contains=digits)
        return seen_exactly(events, self.request.user).filter(is_theirs)

    @extend_schema_field(OpenApiTypes.STR)
    def filter_bbox(self, events: QuerySet[SosEvent], name: str, box: tuple[float, ...]) -> QuerySet[SosEvent]:
        west, south, east, north = box
        within = Q(at_lon__gte=west, at_lon__lte=east) if west <= east else Q(at_lon__gte=west) | Q(at_lon__lte=east)
        seen = seen_exactly(events, self.request.user)
        if self.request.user.is_dispatcher and not self.request.user.look_reason:
            seen = seen.filter(Q(closed_at=None) | Q(closed_at__gt=timezone.now() - CURRENT_FOR))
        placed = seen.annotate(at_lat=_degrees("Y"), at_lon=_degrees("X"))
        return placed.filter(within, at_lat__gte=south, at_lat__lte=north)


class DeedFilter(filters.FilterSet):
    kind = filters.MultipleChoiceFilter(choices=[(kind.value, kind.label) for kind in DEEDS])
    actor = filters.UUIDFilter(method="by_actor", help_text="Who did it.")
    person = filters.UUIDFilter(method="about", help_text="To whom.")
    since = TimeFilter(field_name="at", lookup_expr="gte")
    until = TimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = JournalEntry
        fields: list[str] = []

    def by_actor(self, deeds: QuerySet[JournalEntry], name: str, value: Any) -> QuerySet[JournalEntry]:
        return deeds.filter(actor_id__in=User.objects.filter(uuid=value).values("pk"))

    def about(self, deeds: QuerySet[JournalEntry], name: str, value: Any) -> QuerySet[JournalEntry]:
        """By the text of the id, as the index has it."""
        person = User.objects.filter(uuid=value).values_list("pk", flat=True).first()
        return deeds.annotate(whom=KT("data__person")).filter(whom=str(person))
