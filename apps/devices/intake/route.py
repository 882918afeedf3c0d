"""The fast lane for positions: reports that are plainly right are recorded here, many watches in one transaction.

It stands in front of Django at the addresses of LocationView and LocationsView, which say what a report may hold and
answer whatever is not plainly right: a wrong field, a refused token, a browser. The same statement records both.

Whoever has not reported for a device lately is asked for first, in a queue of their own, so that strangers with
thousands of invented fixes leave the room of those who are known. The statement asks of everybody, each time.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http.request import split_domain_port, validate_host
from rest_framework_simplejwt.exceptions import TokenError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.users.rules.tokens import AccessToken, KeyRing, bearer_of, key_ring, session_of, version_of
from mdd_backend.api.bounds import LAT, LON
from mdd_backend.api.errors import RETRY_AFTER_S, Unavailable

from ..kinds import BATTERY, DIRECTION, FIXES_MOST, SPEED
from ..models import DEVICE_UID
from ..rules.recording import Fix, Kept, Report, let_in, record_all
from ..rules.tokens import PREFIX, digest_of
from .batches import Batches, Overloaded, Write

_PATH = re.compile(rf"/api/v1/devices/({DEVICE_UID})/location(s?)/")
_POSITION_BYTES_MOST = 4096  # with whatever else it says
_ACCOUNTS_CACHED = 10_000
_RECENT_CALLERS_MOST = 100_000
RECENT_FOR_S = 180.0  # a watch that reports each minute stays among them
STRANGERS_MOST = 100
WRITERS = 2
T = TypeVar("T")


def _within(bounds: tuple[int, int]) -> msgspec.Meta:
    least, most = bounds
    return msgspec.Meta(ge=least, le=most)


class _Position(msgspec.Struct):
    """The plain form of a LocationSerializer's."""

    lat: Annotated[float, _within(LAT)]
    lon: Annotated[float, _within(LON)]
    speed: Annotated[float, _within(SPEED)] | None = None
    direction: Annotated[float, _within(DIRECTION)] | None = None
    battery_level: Annotated[int, _within(BATTERY)] | None = None
    timestamp: str | None = None


class _Positions(msgspec.Struct):
    fixes: Annotated[list[_Position], msgspec.Meta(min_length=1, max_length=FIXES_MOST)]


_position_decoder, _positions_decoder = msgspec.json.Decoder(_Position), msgspec.json.Decoder(_Positions)


def _in_thread_of(threads: ThreadPoolExecutor, statement: Callable[[Sequence[Report]], list[T | None]]) -> Write[T]:
    def run(reports: Sequence[Report]) -> list[T | None]:
        try:
            return statement(reports)
        finally:
            connection.close()

    async def write(reports: Sequence[Report]) -> Sequence[T | None]:
        return await asyncio.get_running_loop().run_in_executor(threads, run, reports)

    return write


_write = _in_thread_of(ThreadPoolExecutor(WRITERS, "intake"), record_all)
_let_in = _in_thread_of(ThreadPoolExecutor(1, "door"), let_in)


class _RecentCallers:
    """Who has lately reported for which device, the latest last."""

    def __init__(self) -> None:
        self._until: OrderedDict[Report, float] = OrderedDict()

    def __contains__(self, caller: Report) -> bool:
        return self._until.get(caller, 0.0) > time.monotonic()

    def add(self, caller: Report) -> None:
        self._until[caller] = time.monotonic() + RECENT_FOR_S
        self._until.move_to_end(caller)
        if len(self._until) > _RECENT_CALLERS_MOST:
            self._until.popitem(last=False)

    def forget(self, caller: Report) -> None:
        self._until.pop(caller, None)


class Intake:
    """An ASGI application; `django` is the one behind it."""

    def __init__(self, django: ASGIApp, write: Write[Kept] = _write, ask: Write[int] = _let_in) -> None:
        self._django, self._recent_callers = django, _RecentCallers()
        self._batches = Batches(write, at_once=WRITERS)
        self._strangers = Batches(ask, at_once=1, waiting=STRANGERS_MOST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        if path is None:
            return await self._django(scope, receive, send)
        headers = dict(scope["headers"])
        is_many = bool(path[2])
        if not _is_plain(scope, headers, settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_many else _POSITION_BYTES_MOST):
            return await self._django(scope, receive, send)
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return None
        answer = await self._answer(_caller(path[1], headers), body, is_many)
        if answer is None:
            return await self._django(scope, _again(body, receive), send)
        return await answer(scope, receive, send)

    async def _answer(self, caller: Report | None, body: bytes, is_many: bool) -> Response | None:
        """None: Django's to give."""
        try:
            if caller is None or not await self._is_let_in(caller):
                return None
            report = _report(caller, body, is_many)
            kept = None if report is None else await self._record(report)
        except Overloaded:
            return _unavailable("Not stored: too much at once. Send the same again.")
        except (OperationalError, InterfaceError):
            return _unavailable(Unavailable.default_detail)
        if report is None or kept is None:
            return None
        if not is_many:
            return Response(msgspec.json.encode(kept.shown_of_one()), 201, media_type="application/json")
        shown = {**kept.shown(len(report.fixes)), "refused": []}
        return Response(msgspec.json.encode(shown), media_type="application/json")

    async def _is_let_in(self, caller: Report) -> bool:
        """Raises Overloaded, OperationalError and InterfaceError."""
        return caller in self._recent_callers or await self._strangers.record(caller) is not None

    async def _record(self, report: Report) -> Kept | None:
        """What became of its fixes; None when the caller may not report for the device (any more)."""
        kept = await self._batches.record(report)
        if kept is None:
            self._recent_callers.forget(report.caller)
        else:
            self._recent_callers.add(report.caller)
        return kept


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


def _caller(device_uid: str, headers: dict[bytes, bytes]) -> Report | None:
    """Who says that they are which device; None when they say it in another way, or their token is no good."""
    credential = bearer_of(headers.get(b"authorization", b""))
    return _who(device_uid, credential) if credential else None


def _report(caller: Report, body: bytes, is_many: bool) -> Report | None:
    """What is to be recorded; None when that takes more than a glance to say."""
    try:
        positions = _positions_decoder.decode(body).fixes if is_many else [_position_decoder.decode(body)]
        return replace(caller, fixes=[_fix(position, is_many) for position in positions])
    except (ValueError, OverflowError, RecursionError):  # msgspec's errors are ValueErrors too
        return None


def _who(device_uid: str, credential: str) -> Report | None:
    """By a device token's digest, or by whose access token it is; None when it is no good."""
    if credential.startswith(PREFIX):
        return Report(device_uid, (), digest_of(credential))
    account = _account(credential, key_ring())
    if account is None or time.time() >= account.until:
        return None
    return Report(device_uid, (), None, account.uuid, account.version, account.session)


class _Account(NamedTuple):
    """What an access token says; until: in seconds since 1970."""

    uuid: UUID
    until: float
    version: int
    session: str


@lru_cache(_ACCOUNTS_CACHED)
def _account(credential: str, _keys: KeyRing) -> _Account | None:
    """Whose access token it is. What was signed stays signed: whether account and session are still good, the statement
    asks that records."""
    try:
        token = AccessToken(credential)  # type: ignore[arg-type]
        return _Account(UUID(token["user_uuid"]), float(token["exp"]), version_of(token), session_of(token))
    except (TokenError, KeyError, ValueError):
        return None


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
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


def _unavailable(why: str) -> Response:
    body = msgspec.json.encode({"detail": why, "code": Unavailable.default_code})
    return Response(body, 503, {"Retry-After": str(RETRY_AFTER_S)}, "application/json")


def _again(body: bytes, receive: Receive) -> Receive:
    """The request's body as if nobody had read it yet."""
    is_replayed = False

    async def first_the_body() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return first_the_body
