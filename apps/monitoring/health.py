"""Is the service alive, ready, well?"""

from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse

from apps.notifications.models import Notification, State
from apps.notifications.transports import TransportError, fcm, transport_for
from apps.sos.models import SosEvent


def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """PostgreSQL can be reached and is migrated; nothing else, or an overload would take every server out."""
    why = _why_not_ready()
    if why:
        return JsonResponse({"detail": why, "code": "unavailable"}, status=503, headers={"Retry-After": "1"})
    return JsonResponse({"status": "ok"})


def _why_not_ready() -> str | None:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except Error:
        return "The database cannot be reached."
    return None if _migrations() <= applied.keys() else "The database is not migrated."


@lru_cache(maxsize=1)
def _migrations() -> frozenset[tuple[str, str]]:
    """Those of this code; they are read from disk once a process."""
    return frozenset(MigrationLoader(None).disk_migrations)


def status(request: HttpRequest) -> JsonResponse:
    """Everything else."""
    shown: dict[str, Any] = {"database": _why_not_ready() or "ok", "redis": _redis(), "fcm": _fcm(), "sms": _sms()}
    if shown["database"] == "ok":
        shown["overdue_events"] = SosEvent.objects.due().count()
        shown["overdue_notifications"] = Notification.objects.filter(state=State.QUEUED, due_at__lte=Now()).count()
    return JsonResponse(shown)


def _redis() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
    except redis.RedisError:
        return "Redis cannot be reached: everything still happens, a second or two later."
    return "ok"


def _fcm() -> str:
    return fcm.why_unusable(settings.FCM_SERVICE_ACCOUNT_JSON) or "ok"


def _sms() -> str:
    try:
        transport_for("SMS")
    except TransportError as why:
        return str(why)
    return "ok"
