"""The ASGI entry: static files to WhiteNoise, positions to the intake, other HTTP to Django, WebSockets to Channels."""

import asyncio
import os
from contextvars import Context

import django
from asgiref.wsgi import WsgiToAsgi
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdd_backend.settings")
django.setup(set_prefix=False)

from apps.devices.intake.route import Intake  # noqa: E402 - the apps must be loaded first
from apps.monitoring.feed.routing import websocket_urlpatterns  # noqa: E402
from mdd_backend import hashing  # noqa: E402
from mdd_backend.web.handler import OneHop  # noqa: E402
from mdd_backend.web.static import static_files  # noqa: E402

intake = Intake(OneHop(aside={*hashing.PATHS, "/api/schema/", "/api/v1/users/me/export/"}))
static, static_url = WsgiToAsgi(static_files()), "/static/"  # type: ignore[no-untyped-call]


async def http(scope, receive, send):  # type: ignore[no-untyped-def]
    """Static files stay outside Django's middleware: a file must cost a request of the API nothing.

    In a context of their own: a connection kept alive would hand on the thread of its last request, which has ended.
    """
    if scope["path"].startswith(static_url):
        await asyncio.create_task(static(scope, receive, send), context=Context())
    else:
        await intake(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
