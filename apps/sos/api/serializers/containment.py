"""An account that is contained, as the dispatcher who did it sees it."""

from typing import Any

from rest_framework import serializers


class ContainmentSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField(help_text="The account.")
    contained_at = serializers.DateTimeField()
    closed = serializers.ListField(child=serializers.UUIDField(), help_text="The events that were closed by this.")
