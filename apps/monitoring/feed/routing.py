"""WebSocket addresses. Channels routes by Django's own path(), whose types only know HTTP views."""

from typing import Any

from django.urls import path, re_path

from .consumers import NoSuchPathConsumer, SosEventsConsumer

_sos_events: Any = SosEventsConsumer.as_asgi()
_no_such_path: Any = NoSuchPathConsumer.as_asgi()
websocket_urlpatterns: list[Any] = [
    path("ws/sos_events/", _sos_events),
    re_path(r"", _no_such_path),
]
