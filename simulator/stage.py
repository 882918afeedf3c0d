"""Where the demo plays: everybody joined, every phone listened to, the dispatcher's screen open."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import httpx
from websockets.exceptions import WebSocketException

from .client import Dispatcher, Helper, PhoneNetwork, Push, Refused, Told
from .population import Population

T = TypeVar("T")
Reaction = Callable[[Helper, Push], Awaitable[None]]


class Stage:
    """Collects what phones and the dispatcher's screen were told, in the order it came.

    `react` is what a helper does when the phone rings, after the receipt.
    """

    def __init__(self, people: Population, dispatcher: Dispatcher, phones: PhoneNetwork) -> None:
        self.people = people
        self.dispatcher = dispatcher
        self.phones = phones
        self.pushes: list[Push] = []
        self.told: list[Told] = []
        self.receipts: dict[str, float] = {}
        """When the service took the receipt of a notification, by its id; seconds since 1970."""
        self.screen_open = asyncio.Event()
        self.react: Reaction | None = None
        self._news = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            ears = [tasks.create_task(self._hear_phones(tasks)), tasks.create_task(self._watch_screen())]
            try:
                yield
            finally:
                for ear in ears:
                    ear.cancel()

    async def until(self, wanted: Callable[[], T | None]) -> T:
        """What `wanted` gives, as soon as it is true."""
        while not (found := wanted()):
            await self._news.wait()
        return found

    def pushes_of(self, event_uid: str) -> list[Push]:
        return [push for push in self.pushes if push.data.get("event_uid") == event_uid]

    def told_of(self, event_uid: str) -> Told | None:
        for told in self.told:
            if told.message.get("type") == "sos_event" and told.message["payload"]["event_uid"] == event_uid:
                return told
        return None

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _hear_phones(self, tasks: asyncio.TaskGroup) -> None:
        async for push in self.phones.pushes():
            self.pushes.append(push)
            self._tell()
            if helper := self.people.helpers.get(push.token):
                helper.rung_by.add(push.data.get("event_uid", ""))
                tasks.create_task(self._answer(helper, push))

    async def _answer(self, helper: Helper, push: Push) -> None:
        with suppress(Refused, httpx.TransportError):
            await helper.acknowledge(push.data)
            self.receipts[push.data["notification_id"]] = time.time()
            self._tell()
            if self.react:
                await self.react(helper, push)

    async def _watch_screen(self) -> None:
        while True:
            with suppress(OSError, WebSocketException):
                async with self.dispatcher.screen() as screen:
                    self.screen_open.set()
                    async for told in screen.told():
                        self.told.append(told)
                        self._tell()
            self.screen_open.clear()
            await asyncio.sleep(1)
