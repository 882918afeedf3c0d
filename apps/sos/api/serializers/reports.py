"""What is asked of the report on response times, and its shape on the wire."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone
from rest_framework import serializers

DAYS, DAYS_MOST = 30, 366
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9999, 1, 1)


class ReportQuerySerializer(serializers.Serializer[Any]):
    since = serializers.DateField(required=False, help_text="The first day; else 29 days before the last.")
    until = serializers.DateField(required=False, help_text="The last day; else today.")
    zone = serializers.CharField(default="UTC", max_length=64, help_text="Whose days: such as Asia/Tashkent.")

    def validate_zone(self, zone: str) -> str:
        if zone not in available_timezones():
            raise serializers.ValidationError("Is not a time zone such as Asia/Tashkent.")
        return zone

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("until", timezone.now().astimezone(ZoneInfo(attrs["zone"])).date())
        if not FIRST_DAY <= attrs["until"] <= LAST_DAY:
            raise serializers.ValidationError({"until": "Is beyond what is kept."})
        attrs.setdefault("since", attrs["until"] - timedelta(DAYS - 1))
        if not 0 <= (attrs["until"] - attrs["since"]).days < DAYS_MOST:
            raise serializers.ValidationError({"since": f"Is not within {DAYS_MOST} days before `until`."})
        return attrs


class StepSerializer(serializers.Serializer[Any]):
    """Seconds; null where no event came so far."""

    count = serializers.IntegerField(help_text="Events that came so far.")
    median_s = serializers.FloatField(allow_null=True)
    p90_s = serializers.FloatField(allow_null=True)
    p95_s = serializers.FloatField(allow_null=True)


class StepsSerializer(serializers.Serializer[Any]):
    first_push = StepSerializer(help_text="The first message to a helper was sent.")
    first_receipt = StepSerializer(help_text="The first phone said that it had it.")
    first_accept = StepSerializer(help_text="The first helper said that they come.")
    first_on_scene = StepSerializer(help_text="The first helper was there.")


class ReportTotalSerializer(serializers.Serializer[Any]):
    events = serializers.IntegerField()
    steps = StepsSerializer()


class ReportDaySerializer(ReportTotalSerializer):
    day = serializers.DateField()


class ReportSerializer(serializers.Serializer[Any]):
    since = serializers.DateField()
    until = serializers.DateField()
    zone = serializers.CharField()
    total = ReportTotalSerializer()
    days = ReportDaySerializer(many=True)
