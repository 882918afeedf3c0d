"""The dispatchers' feed: one reader of the journal per process, which fans out to its sockets.

A hint over Redis wakes the reader; without one (lost, Redis away or hung) it looks by itself every two seconds.
It reads on from its last position, so nothing is missed and nothing comes twice.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import redis.asyncio
import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error

from apps.sos.models import JournalEntry
from mdd_backend.hints import JOURNAL_CHANNEL

from .wire import BATCH, messages_after

log = structlog.get_logger(__name__)
POLL_S = 2.0
WAITING_MOST = 1000


class TooSlow(Exception):
    """The socket takes its messages more slowly than they come; it may come back and go on from its last one."""


class Subscription:
    """What one socket has still to send, up to `position` in the journal."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.overflowed = False
        self._waiting: asyncio.Queue[str] = asyncio.Queue(maxsize=WAITING_MOST)

    def put(self, position: int, message: str) -> None:
        if position > self.position and not self.overflowed:
            try:
                self._waiting.put_nowait(message)
            except asyncio.QueueFull:
                self.overflowed = True

    async def next(self) -> str:
        """Raises TooSlow."""
        if self.overflowed:
            raise TooSlow
        return await self._waiting.get()


class Feed:
    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._position = 0
        self._wake = asyncio.Event()
        self._starting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def position(self) -> int:
        """How far the journal has been read here."""
        return self._position

    async def follow(self, after: int | None = None) -> AsyncGenerator[str, None]:
        """Every message after position `after` (None: from now on), for ever.

        Raises django.db.Error when PostgreSQL is away at the start, TooSlow when the reader falls behind.
        """
        await self._start()
        subscription = Subscription(self._position if after is None else after)
        while subscription.position < self._position:
            entries = await _entries_after(subscription.position)
            if not entries:
                break
            for position, message in entries:
                subscription.position = position
                yield message
        self._subscriptions.add(subscription)  # nothing awaits since the last look at self._position
        try:
            while True:
                yield await subscription.next()
        finally:
            self._subscriptions.discard(subscription)

    def stop(self) -> None:
        """Lets go of the reader; the next to follow starts another."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _start(self) -> None:
        async with self._starting:
            if not self._tasks:
                self._position = await _last_position()
                self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._listen())]

    async def _read(self) -> None:
        while True:
            try:
                while await self._read_batch():
                    pass
            except Error as why:
                log.warning("feed waits for the database", reason=type(why).__name__)
            except Exception:  # the reader serves everybody: it must not end
                log.exception("feed failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()

    async def _read_batch(self) -> bool:
        """Sends one batch on; True when there may be more."""
        entries = await _entries_after(self._position)
        for position, message in entries:
            self._position = position
            for subscription in self._subscriptions:
                subscription.put(position, message)
        return len(entries) == BATCH

    async def _listen(self) -> None:
        """Wakes the reader at every hint; a Redis that is away or hung costs only the poll's two seconds."""
        while True:
            try:
                async with redis.asyncio.Redis.from_url(
                    settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=settings.REDIS_TIMEOUT_S
                ) as client:
                    await self._hear(client)
            except (redis.RedisError, OSError) as why:
                log.warning("feed waits for Redis", reason=type(why).__name__)
            await asyncio.sleep(1)

    async def _hear(self, client: "redis.asyncio.Redis") -> None:
        async with client.pubsub() as hints:
            await hints.subscribe(JOURNAL_CHANNEL)
            async for _ in hints.listen():
                self._wake.set()


_feeds: dict[asyncio.AbstractEventLoop, Feed] = {}


def feed() -> Feed:
    """The feed of this process (of its event loop)."""
    return _feeds.setdefault(asyncio.get_running_loop(), Feed())


@database_sync_to_async
def _last_position() -> int:
    return JournalEntry.objects.order_by("-position").values_list("position", flat=True).first() or 0


_entries_after = database_sync_to_async(messages_after)
