"""The dispatchers' feed over HTTP, for who has no socket."""

import json
from typing import Any

from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.sos.rules.looks import keep_feed_looks
from apps.users.api.permissions import IsDispatcher, caller
from mdd_backend.api.openapi import documented

from .wire import BATCH, messages_after


class FeedQuerySerializer(serializers.Serializer[Any]):
    after = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, default=0, help_text="The `seq` of the last message heard."
    )
    limit = serializers.IntegerField(min_value=1, max_value=BATCH, default=100)


class FeedMessageSerializer(serializers.Serializer[Any]):
    """As on the socket: docs/asyncapi.yaml."""

    type = serializers.ChoiceField(["sos_event", "sos_update"])
    seq = serializers.IntegerField()
    payload = serializers.DictField()


class FeedSerializer(serializers.Serializer[Any]):
    messages = FeedMessageSerializer(many=True)
    last = serializers.IntegerField(help_text="Go on with `?after=` this.")
    more = serializers.BooleanField(help_text="There is more already.")


EXAMPLE: dict[str, Any] = {
    "messages": [
        {
            "type": "sos_update",
            "seq": 1043,
            "payload": {
                "event_uid": "7b0e2c38-5a52-4a5c-9a0e-1f4a8a0d6f11",
                "kind": "HELPER_ACCEPTED",
                "status": "IN_PROGRESS",
                "at": "2025-10-28T12:00:09.104000Z",
                "actor": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4",
                "data": {},
            },
        }
    ],
    "last": 1043,
    "more": False,
}


class FeedView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented(
        "Everything that happened after a position", gives={200: (FeedSerializer, EXAMPLE)}, query=[FeedQuerySerializer]
    )
    def get(self, request: Request) -> Response:
        """For dispatchers: the very messages of the socket, in the same order, each once."""
        query = FeedQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        after, limit = query.validated_data["after"], query.validated_data["limit"]
        keep_feed_looks(caller(request).pk)
        messages = messages_after(after, limit + 1)
        page = messages[:limit]
        last = page[-1][0] if page else after
        return Response(
            {"messages": [json.loads(message) for _, message in page], "last": last, "more": len(messages) > limit}
        )
