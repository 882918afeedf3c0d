"""The dispatchers' WebSocket."""

import asyncio
import json
import time
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from apps.users.api.authentication import Visitor, visitor_of_cookies, visitor_of_header
from mdd_backend.database.clock import utc

from . import presence
from .reader import TooSlow, feed

UNAUTHENTICATED, FORBIDDEN, NO_SUCH_PATH, TOO_SLOW, TRY_LATER, FAILED = 4401, 4403, 4404, 4408, 1013, 1011
SEND_MOST_S = 10.0
log = structlog.get_logger(__name__)


class SosEventsConsumer(AsyncWebsocketConsumer):
    """Everything that happens, as it happens; `?after=SEQ` first sends what was missed since.

    Accepts first and then closes with a code: a refusal before that reaches the client as a bare HTTP 403.
    Whoever sends `ping` hears `{"type": "pong", "seq": …, "at": …}`: how far the journal is, and the server's clock.
    """

    visitor: Visitor | None = None
    is_followed = False
    tasks: tuple[asyncio.Task[None], ...] = ()

    async def connect(self) -> None:
        await self.accept()
        try:
            refusal = await self._why_refused()
        except Error:
            refusal = TRY_LATER
        if refusal or self.visitor is None:
            await self.close(refusal)
            return
        presence.opened(self.visitor.user.pk)
        self.is_followed = True
        self.tasks = tuple(map(asyncio.create_task, (self._follow(), self._expire(), self._be_present())))

    async def _why_refused(self) -> int | None:
        visitor = await database_sync_to_async(self._visitor)()
        if visitor is None:
            return UNAUTHENTICATED
        if not visitor.user.is_dispatcher:
            return FORBIDDEN
        self.visitor = visitor
        return None

    def _visitor(self) -> Visitor | None:
        """By the token in a header, which no other site's page can set; else by a cookie, from our own pages only."""
        headers = {name.decode(): value.decode("latin-1") for name, value in self.scope["headers"]}
        try:
            if token := headers.get("authorization"):
                return visitor_of_header(token.encode())
        except AuthenticationFailed:
            return None
        origin = headers.get("origin", "")
        is_ours = origin == settings.PUBLIC_URL or urlsplit(origin).netloc == headers.get("host", "")
        return visitor_of_cookies(headers.get("cookie", "")) if origin and is_ours else None

    async def _follow(self) -> None:
        try:
            await self._send_all()
        except (TooSlow, TimeoutError):
            await self._end(TOO_SLOW)
        except Error:
            await self._end(TRY_LATER)
        except Exception:
            log.exception("socket failed")
            await self._end(FAILED)

    async def _send_all(self) -> None:
        """Raises TooSlow; TimeoutError when the client takes nothing, for sending waits until it does."""
        async with aclosing(feed().follow(self._after())) as messages:
            async for message in messages:
                async with asyncio.timeout(SEND_MOST_S):
                    await self.send(text_data=message)

    def _after(self) -> int | None:
        raw = dict(parse_qsl(self.scope["query_string"].decode(errors="replace"))).get("after", "")
        return int(raw) if raw.isdecimal() and len(raw) < 19 else None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "ping" and self.is_followed:
            pong = {"type": "pong", "seq": feed().position, "at": utc(timezone.now())}
            with suppress(TimeoutError):
                async with asyncio.timeout(SEND_MOST_S):
                    await self.send(text_data=json.dumps(pong))

    async def _expire(self) -> None:
        """A socket is good for as long as the token that opened it."""
        assert self.visitor  # noqa: S101
        await asyncio.sleep(max(0.0, self.visitor.until - time.time()))
        await self._end(UNAUTHENTICATED)

    async def _be_present(self) -> None:
        """Tells that a console is connected; ends with a ban or another role. No failure of it ends the socket."""
        assert self.visitor  # noqa: S101
        refusal = None
        while not refusal:
            try:
                refusal = await self._why_refused()
                if not refusal:
                    await database_sync_to_async(presence.beat)(self.visitor.user.pk)
                    await asyncio.sleep(presence.EVERY_S)
            except Exception as why:  # whatever it is, the dispatcher must go on hearing what happens
                log.warning("console is not noted", reason=type(why).__name__)
                await asyncio.sleep(presence.EVERY_S)
        await self._end(refusal)

    async def _end(self, code: int) -> None:
        """Lets go first: closing waits for a client that takes nothing, and such a console is not there."""
        await self._let_go()
        await self.close(code)

    async def _let_go(self) -> None:
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        is_followed, self.is_followed = self.is_followed, False
        if is_followed and self.visitor and presence.closed(self.visitor.user.pk):
            with suppress(Error):
                await database_sync_to_async(presence.leave)(self.visitor.user.pk)

    async def disconnect(self, code: int) -> None:
        await self._let_go()


class NoSuchPathConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.close(NO_SUCH_PATH)

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is expected here."""
