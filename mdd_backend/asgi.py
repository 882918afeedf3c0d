"""The ASGI entry: HTTP to Django, WebSockets to Channels."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdd_backend.settings")
http = get_asgi_application()

from apps.monitoring.routing import websocket_urlpatterns  # noqa: E402 - the apps must be loaded first

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
