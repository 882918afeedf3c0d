"""Who lives in the demo's city, and how they join the service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from .city import City, Point
from .client import Api, Dispatcher, Helper, Refused, Wearer

PASSWORD = "someStrongPassword123"  # noqa: S105
T = TypeVar("T")
AT_ONCE = 8
"""People joining at the same time: hashing a password keeps a processor of the server busy."""

SPEC_PHONE = "+998901234567"
SPEC_WATCH = "watch_unique_serial_001"
SPEC_PLACE = Point(41.311081, 69.240562)


@dataclass
class Population:
    """`took_s`: how long joining took, in seconds."""

    wearers: list[Wearer] = field(default_factory=list)
    helpers: dict[str, Helper] = field(default_factory=dict)
    """By push token."""
    took_s: float = 0.0


Joined = Callable[[], None]


class Settlement:
    """Brings people in; `joined` is called after each."""

    def __init__(self, city: City, http: httpx.AsyncClient, dispatcher: Dispatcher, joined: Joined) -> None:
        self._city = city
        self._http = http
        self._dispatcher = dispatcher
        self._joined = joined
        self._doors = asyncio.Semaphore(AT_ONCE)

    async def settle(self, wearers: int, helpers: int) -> Population:
        """The spec's wearer and `wearers - 1` more all over the city; `helpers` around the spec's place."""
        began = time.monotonic()
        places = self._city.helpers_around(SPEC_PLACE, helpers)
        found, called = await asyncio.gather(
            self._all([self._spec_wearer, *[self._wearer] * (wearers - 1)]),
            self._all([self._helper_at(place) for place in places]),
        )
        by_token = {helper.push_token: helper for helper in called}
        return Population(found, by_token, time.monotonic() - began)

    async def _all(self, newcomers: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
        async def enter(newcomer: Callable[[], Awaitable[T]]) -> T:
            async with self._doors:
                person = await newcomer()
            self._joined()
            return person

        return await asyncio.gather(*(enter(newcomer) for newcomer in newcomers))

    async def _spec_wearer(self) -> Wearer:
        """The spec's own, or the next best where an earlier run has used its number and its watch."""
        wearer = Wearer(Api(self._http), "Nodira Karimova", SPEC_PHONE, SPEC_WATCH, SPEC_PLACE)
        try:
            await wearer.join(PASSWORD)
        except Refused as why:
            if not _number_taken(why):
                raise
            return await self._wearer_at(SPEC_PLACE)
        return wearer

    async def _wearer(self) -> Wearer:
        return await self._wearer_at(self._city.somewhere())

    async def _wearer_at(self, place: Point) -> Wearer:
        async def attempt(number: str) -> Wearer:
            wearer = Wearer(Api(self._http), self._city.name(), number, f"watch_{number[1:]}", place)
            await wearer.join(PASSWORD)
            return wearer

        return await self._with_free_number(attempt)

    def _helper_at(self, place: Point) -> Callable[[], Awaitable[Helper]]:
        async def attempt(number: str) -> Helper:
            token = f"{number[1:]}:APA91b{self._city.dice.randbytes(16).hex()}"
            helper = Helper(Api(self._http), self._city.name(), number, f"phone_{number[1:]}", token, place)
            await helper.join(PASSWORD, self._dispatcher)
            return helper

        return lambda: self._with_free_number(attempt)

    async def _with_free_number(self, attempt: Callable[[str], Awaitable[T]]) -> T:
        while True:
            try:
                return await attempt(self._city.phone_number())
            except Refused as why:
                if not _number_taken(why):
                    raise


def _number_taken(why: Refused) -> bool:
    return why.answer.status_code == 400 and "phone_number" in why.answer.json()
