"""How the people of the city join the service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import httpx

from ..client import Api, Dispatcher, Helper, Refused, Wearer
from .cast import SPEC_PHONE, Cast, Resident

PASSWORD = "someStrongPassword123"  # noqa: S105
T = TypeVar("T")
AT_ONCE = 4
"""People joining at the same time. Hashing a password with Argon2 takes 0.2 s of processor time of the server, three
quarters of all that joining takes; on two cores 4 at once were the fastest (6.3 a second), 16 slower (4.9)."""
JOINED_PER_S = 6
SPEC_WATCH = "watch_unique_serial_001"


@dataclass
class Population:
    """In the order of the cast; helpers by push token. `took_s`: how long joining took, in seconds."""

    wearers: list[Wearer]
    helpers: dict[str, Helper]
    took_s: float


Joined = Callable[[], None]


class Settlement:
    """Brings people in; `joined` is called after each."""

    def __init__(self, cast: Cast, http: httpx.AsyncClient, dispatcher: Dispatcher, joined: Joined) -> None:
        self._cast = cast
        self._http = http
        self._dispatcher = dispatcher
        self._joined = joined
        self._doors = asyncio.Semaphore(AT_ONCE)

    async def settle(self) -> Population:
        began = time.monotonic()
        wearers, helpers = await asyncio.gather(
            self._all(self._wearer, self._cast.wearers), self._all(self._helper, self._cast.helpers)
        )
        by_token = {helper.push_token: helper for helper in helpers}
        return Population(wearers, by_token, time.monotonic() - began)

    async def _all(self, enter: Callable[[Resident], Awaitable[T]], residents: Iterable[Resident]) -> list[T]:
        async def through_the_door(resident: Resident) -> T:
            async with self._doors:
                person = await enter(resident)
            self._joined()
            return person

        return await asyncio.gather(*(through_the_door(resident) for resident in residents))

    async def _wearer(self, resident: Resident) -> Wearer:
        battery_level = self._cast.life_of_wearer(resident).battery.percent

        async def attempt(number: str) -> Wearer:
            watch = SPEC_WATCH if number == SPEC_PHONE else f"watch_{number[1:]}"
            wearer = Wearer(Api(self._http), resident.full_name, number, watch, resident.home)
            await wearer.join(PASSWORD, battery_level)
            return wearer

        return await _with_free_number(resident, attempt)

    async def _helper(self, resident: Resident) -> Helper:
        battery_level = self._cast.life_of_helper(resident).battery.percent

        async def attempt(number: str) -> Helper:
            phone, token = f"phone_{number[1:]}", resident.push_token()
            helper = Helper(Api(self._http), resident.full_name, number, phone, token, resident.home)
            await helper.join(PASSWORD, battery_level, self._dispatcher)
            return helper

        return await _with_free_number(resident, attempt)


async def _with_free_number(resident: Resident, attempt: Callable[[str], Awaitable[T]]) -> T:
    """With the resident's own, or another where an earlier run has used it."""
    numbers = resident.other_numbers()
    number = resident.phone_number
    while True:
        try:
            return await attempt(number)
        except Refused as why:
            if not _number_taken(why):
                raise
            number = next(numbers)


def _number_taken(why: Refused) -> bool:
    return why.answer.status_code == 400 and "phone_number" in why.answer.json()
