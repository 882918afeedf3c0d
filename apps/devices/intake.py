"""The fast lane for positions: reports that are plainly right are recorded here, many watches in one transaction.

It stands in front of Django at the addresses of LocationView and LocationsView, which say what a report may hold and
answer whatever is not plainly right: a wrong field, a refused token, a browser. The same statement records both.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http.request import split_domain_port, validate_host
from rest_framework_simplejwt.exceptions import TokenError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.users.tokens import AccessToken, KeyRing, key_ring
from mdd_backend.errors import RETRY_AFTER_S, Unavailable

from .batches import Batches, Overloaded, Write
from .models import DEVICE_UID
from .recording import Fix, Report, record_all
from .serializers import FIXES_MOST
from .tokens import PREFIX, digest_of

_PATH = re.compile(rf"/api/v1/devices/({DEVICE_UID})/location(s?)/")
_ONE_MOST = 4096  # bytes of one position with whatever else it says
_ACCOUNTS_KNOWN = 10_000
WRITERS = 2
RECORDED = b'{"status":"location recorded"}'


class _Position(msgspec.Struct):
    """The plain form of a LocationSerializer's."""

    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    speed: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    direction: Annotated[float, msgspec.Meta(ge=0, le=360)] | None = None
    battery_level: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    timestamp: str | None = None


class _Positions(msgspec.Struct):
    fixes: Annotated[list[_Position], msgspec.Meta(min_length=1, max_length=FIXES_MOST)]


_one, _many = msgspec.json.Decoder(_Position), msgspec.json.Decoder(_Positions)


async def _write(reports: Sequence[Report]) -> Sequence[int | None]:
    return await asyncio.get_running_loop().run_in_executor(_writers, _record, reports)


_writers = ThreadPoolExecutor(WRITERS, "intake")


def _record(reports: Sequence[Report]) -> Sequence[int | None]:
    try:
        return record_all(reports)
    finally:
        connection.close()


class Intake:
    """An ASGI application; `django` is the one behind it."""

    def __init__(self, django: ASGIApp, write: Write = _write) -> None:
        self._django, self._batches = django, Batches(write, at_once=WRITERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        if path is None:
            return await self._django(scope, receive, send)
        headers = dict(scope["headers"])
        is_many = bool(path[2])
        if not _is_plain(scope, headers, settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_many else _ONE_MOST):
            return await self._django(scope, receive, send)
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return None
        answer = await self._answer(_report(path[1], headers, body, is_many), is_many)
        if answer is None:
            return await self._django(scope, _again(body, receive), send)
        return await answer(scope, receive, send)

    async def _answer(self, report: Report | None, is_many: bool) -> Response | None:
        """None: Django's to give."""
        if report is None:
            return None
        try:
            recorded = await self._batches.record(report)
        except Overloaded:
            return _unavailable("Not stored: too much at once. Send the same again.")
        except (OperationalError, InterfaceError):
            return _unavailable(Unavailable.default_detail)
        if recorded is None:
            return None
        if not is_many:
            return Response(RECORDED, 201, media_type="application/json")
        shown = {"recorded": recorded, "duplicates": len(report.fixes) - recorded, "refused": []}
        return Response(msgspec.json.encode(shown), media_type="application/json")


def _is_plain(scope: Scope, headers: dict[bytes, bytes], most: int) -> bool:
    """A client of the API's, no browser, that says each header once and sends a body of bearable length."""
    length = headers.get(b"content-length", b"")
    return (
        len(headers) == len(scope["headers"])
        and headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"application/json"
        and length.isdigit()
        and int(length) <= most
        and b"origin" not in headers
        and _is_ours(headers.get(b"host", b"").decode("latin-1"))
    )


def _is_ours(host: str) -> bool:
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def _report(device_uid: str, headers: dict[bytes, bytes], body: bytes, is_many: bool) -> Report | None:
    """What is to be recorded; None when that takes more than a glance to say."""
    kind, _, credential = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() != "bearer":
        return None
    digest, owner = _who(credential.strip())
    if digest is None and owner is None:
        return None
    try:
        positions = _many.decode(body).fixes if is_many else [_one.decode(body)]
        return Report(device_uid, [_fix(position, is_many) for position in positions], digest, owner)
    except (ValueError, OverflowError, RecursionError):  # msgspec's errors are ValueErrors too
        return None


def _who(credential: str) -> tuple[str | None, UUID | None]:
    """A device token's digest, or whose access token it is; neither when it is no good."""
    if credential.startswith(PREFIX):
        return digest_of(credential), None
    owner, until = _account(credential, key_ring())
    return None, owner if time.time() < until else None


@lru_cache(_ACCOUNTS_KNOWN)
def _account(credential: str, _keys: KeyRing) -> tuple[UUID | None, float]:
    """Whose access token it is, and until when. What was signed stays signed: whether the account is still good, the
    statement asks that records."""
    try:
        token = AccessToken(credential)  # type: ignore[arg-type]
        return UUID(token["user_uuid"]), float(token["exp"])
    except (TokenError, KeyError, ValueError):
        return None, 0.0


def _fix(position: _Position, is_dated: bool) -> Fix:
    """Raises ValueError and OverflowError for what is not plainly right."""
    if position.lat == 0 and position.lon == 0:
        raise ValueError
    return Fix(
        position.lat, position.lon, _instant(position.timestamp, is_dated), position.speed, position.direction,
        position.battery_level,
    )  # fmt: skip


def _instant(text: str | None, is_dated: bool) -> datetime | None:
    if text is None:
        if is_dated:
            raise ValueError
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC)


def _unavailable(why: str) -> Response:
    body = msgspec.json.encode({"detail": why, "code": Unavailable.default_code})
    return Response(body, 503, {"Retry-After": str(RETRY_AFTER_S)}, "application/json")


def _again(body: bytes, receive: Receive) -> Receive:
    """The request's body as if nobody had read it yet."""
    told = False

    async def first_the_body() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return first_the_body
