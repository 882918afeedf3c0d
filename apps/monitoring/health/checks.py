"""Is the service alive, ready, well?"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse

from apps.notifications.transports import TransportError, fcm, transport_for
from apps.users.rules import phones
from mdd_backend.database.clock import utc

from . import figures, pulse

BEAT_SEEN_S, SWEEP_SEEN_S = 120, 15
LATE_S = 5
PROVIDER_ERRORS = 10


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
    return JsonResponse(condition())


def condition() -> dict[str, Any]:
    """How well the service is, and its `problems` in words; each part answers within seconds, whatever is away."""
    shown: dict[str, Any] = {"database": _why_not_ready() or "ok", "redis": _redis(), "fcm": _fcm(), "sms": _sms()}
    shown["phone_proof"] = "asked" if phones.is_asked() else "not asked: no text gateway"
    if shown["database"] == "ok":
        try:
            shown |= _figures()
        except Error:
            shown["database"] = "The database does not answer in time."
    problems = list(_problems(shown))
    return {"status": "degraded" if problems else "ok", "problems": problems, **shown}


@transaction.atomic
def _figures() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1s'")
    events, notifications = figures.overdue_events(), figures.overdue_notifications()
    return {
        "overdue_events": events.count,
        "overdue_notifications": notifications.count,
        "oldest_overdue_s": {"events": events.oldest_s, "notifications": notifications.oldest_s},
        "beat": _life(pulse.BEAT),
        "sweep": _life(pulse.SWEEP),
        "provider_errors": figures.provider_errors(),
        "event_open": figures.is_any_event_open(),
        "dispatchers_connected": figures.dispatchers_connected(),
    }


def _life(name: str) -> dict[str, Any]:
    seen_at = figures.seen_at(name)
    return {"seen_at": utc(seen_at) if seen_at else None, "age_s": figures.age_s(seen_at)}


def _problems(shown: dict[str, Any]) -> Iterator[str]:
    """Text messages are a choice: without a gateway all is well."""
    for part in ("database", "redis", "fcm", *(["sms"] if settings.SMS_TRANSPORT else [])):
        if shown[part] != "ok":
            yield f"{part}: {shown[part]}"
    if "beat" in shown:
        yield from _problems_seen(shown)


def _problems_seen(shown: dict[str, Any]) -> Iterator[str]:
    for name, limit_s in (("beat", BEAT_SEEN_S), ("sweep", SWEEP_SEEN_S)):
        age_s = shown[name]["age_s"]
        if age_s is None or age_s > limit_s:
            yield f"{name}: " + ("has never been seen" if age_s is None else f"not seen for {age_s:.0f} s")
    for what, age_s in shown["oldest_overdue_s"].items():
        if age_s > LATE_S:
            yield f"{what}: {shown[f'overdue_{what}']} overdue, the oldest for {age_s:.0f} s"
    for channel, errors in shown["provider_errors"].items():
        if errors >= PROVIDER_ERRORS:
            yield f"{channel}: {errors} failed tries in five minutes"
    if shown["event_open"] and not shown["dispatchers_connected"]:
        yield "dispatchers: an event is open and no console is connected"


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
