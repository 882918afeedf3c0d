"""What a watch sends."""

from typing import Any

from rest_framework import serializers

from apps.sos.kinds import DetectedType


class SignalSerializer(serializers.Serializer[Any]):
    device_uid = serializers.CharField(max_length=200)
    lat = serializers.FloatField(min_value=-90, max_value=90)
    lon = serializers.FloatField(min_value=-180, max_value=180)
    altitude = serializers.FloatField(required=False)
    detected_type = serializers.ChoiceField(choices=DetectedType.choices)
    severity = serializers.IntegerField(min_value=1, max_value=3)
    timestamp = serializers.DateTimeField()
    raw_payload = serializers.JSONField(required=False)


class LocationSerializer(serializers.Serializer[Any]):
    lat = serializers.FloatField(min_value=-90, max_value=90)
    lon = serializers.FloatField(min_value=-180, max_value=180)
    speed = serializers.FloatField(required=False)
    direction = serializers.FloatField(required=False)
    battery_level = serializers.IntegerField(min_value=0, max_value=100, required=False)
