"""The dispatchers' WebSocket."""

import asyncio
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error
from rest_framework.exceptions import AuthenticationFailed

from apps.users.authentication import user_of_header
from apps.users.models import Role

from .feed import TooSlow, feed

UNAUTHENTICATED, FORBIDDEN, NO_SUCH_PATH, TOO_SLOW, TRY_LATER, FAILED = 4401, 4403, 4404, 4408, 1013, 1011
log = structlog.get_logger(__name__)


class SosEventsConsumer(AsyncWebsocketConsumer):
    """New events as they come; `?after=SEQ` first sends those missed since.

    Accepts first and then closes with a code: a refusal before that reaches the client as a bare HTTP 403.
    """

    sending: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        try:
            refusal = await self._why_refused()
        except Error:
            refusal = TRY_LATER
        if refusal:
            await self.close(refusal)
        else:
            self.sending = asyncio.create_task(self._send())

    async def _why_refused(self) -> int | None:
        header = dict(self.scope["headers"]).get(b"authorization", b"")
        try:
            user = await database_sync_to_async(user_of_header)(header)
        except AuthenticationFailed:
            user = None
        if user is None:
            return UNAUTHENTICATED
        return None if user.role == Role.ADMIN else FORBIDDEN

    async def _send(self) -> None:
        try:
            async with aclosing(feed().follow(self._after())) as messages:
                async for message in messages:
                    await self.send(text_data=message)
        except TooSlow:
            await self.close(TOO_SLOW)
        except Error:
            await self.close(TRY_LATER)
        except Exception:
            log.exception("socket failed")
            await self.close(FAILED)

    def _after(self) -> int | None:
        raw = dict(parse_qsl(self.scope["query_string"].decode(errors="replace"))).get("after", "")
        return int(raw) if raw.isdecimal() and len(raw) < 19 else None

    async def disconnect(self, code: int) -> None:
        if self.sending:
            self.sending.cancel()


class NoSuchPathConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.close(NO_SUCH_PATH)

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is expected here."""
