from django.urls import path, re_path

from .consumers import NoSuchPathConsumer, SosEventsConsumer

websocket_urlpatterns = [
    path("ws/sos_events/", SosEventsConsumer.as_asgi()),
    re_path(r"", NoSuchPathConsumer.as_asgi()),
]
