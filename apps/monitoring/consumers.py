"""The dispatchers' WebSocket."""

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from rest_framework.exceptions import AuthenticationFailed

from apps.users.authentication import user_of_header
from apps.users.models import Role

from .feed import Subscription, feed

UNAUTHENTICATED, FORBIDDEN, NO_SUCH_PATH, TOO_SLOW, TRY_LATER = 4401, 4403, 4404, 4408, 1013


class SosEventsConsumer(AsyncWebsocketConsumer):
    """Accepts first and then closes with a code: a refusal before that reaches the client as a bare HTTP 403."""

    subscription: Subscription | None = None
    sending: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        try:
            refusal = await self._why_refused()
            if refusal:
                await self.close(refusal)
                return
            self.subscription = await feed().subscribe()
        except DatabaseError:
            await self.close(TRY_LATER)
            return
        self.sending = asyncio.create_task(self._send(self.subscription))

    async def _why_refused(self) -> int | None:
        header = dict(self.scope["headers"]).get(b"authorization", b"")
        try:
            user = await database_sync_to_async(user_of_header)(header)
        except AuthenticationFailed:
            user = None
        if user is None:
            return UNAUTHENTICATED
        return None if user.role == Role.ADMIN else FORBIDDEN

    async def _send(self, subscription: Subscription) -> None:
        while not subscription.overflowed.is_set():
            await self.send(text_data=await subscription.messages.get())
        await self.close(TOO_SLOW)

    async def disconnect(self, code: int) -> None:
        if self.sending:
            self.sending.cancel()
        if self.subscription:
            await feed().unsubscribe(self.subscription)


class NoSuchPathConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.close(NO_SUCH_PATH)

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is expected here."""
