"""Where the demo plays: everybody joined, every phone listened to, the dispatcher's screen open."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import httpx
from websockets.exceptions import WebSocketException

from .client import Dispatcher, Helper, PhoneNetwork, Push, Refused, ScreenMessage
from .people.population import Population

T = TypeVar("T")
Reaction = Callable[[Helper, Push], Awaitable[None]]


SOS_ALERT = "SOS_ALERT"


class Stage:
    """Collects what phones and the dispatcher's screen were told, in the order it came.

    `react` is what a helper does when the phone rings, after the receipt.
    """

    def __init__(self, people: Population, dispatcher: Dispatcher, phones: PhoneNetwork) -> None:
        self.people = people
        self.dispatcher = dispatcher
        self.phones = phones
        self.rings = 0
        self.messages_shown = 0
        self.messages_repeated = 0
        """Messages with a position the screen had seen before."""
        self.owed: set[str] = set()
        """The ids of notifications whose receipts are due: their phones were on."""
        self.receipts: dict[str, float] = {}
        """When the service took the receipt of a notification, by its id; seconds since 1970."""
        self.screen_open = asyncio.Event()
        self.react: Reaction | None = None
        self._pushes: dict[str, list[Push]] = defaultdict(list)
        self._first_messages: dict[str, ScreenMessage] = {}
        self._last_seq: int | None = None
        self._news = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Whoever has not answered at the end does not answer any more."""
        async with asyncio.TaskGroup() as tasks:
            answers: set[asyncio.Task[None]] = set()
            ears = [tasks.create_task(self._hear_phones(tasks, answers)), tasks.create_task(self._watch_screen())]
            try:
                yield
            finally:
                for task in [*ears, *answers]:
                    task.cancel()

    async def until(self, wanted: Callable[[], T | None]) -> T:
        """What `wanted` gives, as soon as it is true."""
        while not (value := wanted()):
            await self._news.wait()
        return value

    def tell(self) -> None:
        """There is news for those who wait `until` something."""
        self._news.set()
        self._news = asyncio.Event()

    def pushes_of(self, event_uid: str) -> list[Push]:
        """The calls that rang for that event."""
        return self._pushes.get(event_uid, [])

    def first_message_of(self, event_uid: str) -> ScreenMessage | None:
        """The first message about that event."""
        return self._first_messages.get(event_uid)

    async def _hear_phones(self, tasks: asyncio.TaskGroup, answers: set[asyncio.Task[None]]) -> None:
        async for push in self.phones.pushes():
            helper = self.people.helpers.get(push.token)
            if helper and not helper.is_on:
                continue
            is_call = push.data.get("kind") == SOS_ALERT
            if is_call:
                self.rings += 1
                self._pushes[push.data["event_uid"]].append(push)
            if helper and is_call:
                helper.rung_at = push.at
                self.owed.add(push.data["notification_id"])
            if helper:
                answers.add(answer := tasks.create_task(self._answer(helper, push)))
                answer.add_done_callback(answers.discard)
            self.tell()

    async def _answer(self, helper: Helper, push: Push) -> None:
        with suppress(Refused, httpx.TransportError):
            await helper.acknowledge(push.data)
            self.receipts[push.data["notification_id"]] = time.time()
            self.tell()
            if self.react:
                await self.react(helper, push)

    async def _watch_screen(self) -> None:
        while True:
            with suppress(OSError, WebSocketException):
                async with self.dispatcher.screen(self._last_seq) as screen:
                    self.screen_open.set()
                    async for message in screen.messages():
                        self._take(message)
                        self.tell()
            self.screen_open.clear()
            await asyncio.sleep(1)

    def _take(self, message: ScreenMessage) -> None:
        seq = message.body["seq"]
        if self._last_seq is not None and seq <= self._last_seq:
            self.messages_repeated += 1
            return
        self._last_seq = seq
        if message.body["type"] != "sos_event":
            return
        self.messages_shown += 1
        self._first_messages.setdefault(message.body["payload"]["event_uid"], message)
