"""The city goes on: people walk, fall, are helped, until the time is up or somebody ends it."""

import asyncio
import math
import time
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
from rich.console import Console

from .chronicle import Chronicle, is_lively
from .client import Helper, Json, Refused, Wearer
from .emergency import Emergency
from .people.cast import Cast, Resident
from .people.inhabitant import Inhabitant, helpers_of, wearers_of
from .people.life import Fix, Signal
from .rescue import GIVE_UP_S, Rescue
from .stage import Stage
from .tally import Tally, checks, closing
from .view import View

TICK_S = 0.25
GRACE_S = 30.0
"""So long at the end is waited for what is under way."""

WearerOrHelper = Inhabitant[Wearer] | Inhabitant[Helper]


class LiveCity:
    def __init__(self, stage: Stage, cast: Cast, console: Console, length_s: float | None) -> None:
        """`length_s`: seconds until the end, None: without end."""
        self._stage = stage
        self._console = console
        self._length_s = length_s
        self._wearers = wearers_of(cast, stage.people)
        self._helpers = helpers_of(cast, stage.people)
        self._tally = Tally()
        self._chronicle = Chronicle(console)
        self._rescue = Rescue(stage, cast, self._helpers, self._tally, self._chronicle)
        self._numbers = count(1)
        self._began = time.monotonic()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> bool:
        """Until cancelled, or for its time; whether nothing got lost then."""
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            view = tasks.create_task(self._show())
            await self._live(tasks)
            await self._end()
            for task in [view, *self._under_way]:
                task.cancel()
        emergencies = list(self._rescue.emergencies.values())
        self._console.print(closing(self._tally, self._stage, emergencies))
        return all(check.passed for check in checks(self._tally, self._stage, emergencies))

    async def _show(self) -> None:
        if is_lively(self._console):
            lives = [wearer.life for wearer in self._wearers] + [helper.life for helper in self._helpers.values()]
            view = View(self._stage, self._rescue, self._tally, lives, self._left_s)
            await view.show(self._console)

    def _left_s(self) -> float | None:
        return None if self._length_s is None else max(0.0, self._length_s - self._now_s())

    def _now_s(self) -> float:
        return time.monotonic() - self._began

    async def _live(self, tasks: asyncio.TaskGroup) -> None:
        while (now_s := self._now_s()) < (self._length_s or math.inf):
            for wearer in self._wearers:
                self._live_on(tasks, wearer, now_s)
            for helper in self._helpers.values():
                self._live_on(tasks, helper, now_s)
                helper.person.is_on = not helper.life.battery.is_empty
            for emergency, first in self._rescue.look_around(now_s):
                self._begin(tasks, self._rescue.arrive(emergency, first))
            for emergency in self._rescue.due(now_s):
                self._begin(tasks, self._rescue.close(emergency))
            await asyncio.sleep(TICK_S)

    def _live_on(self, tasks: asyncio.TaskGroup, inhabitant: WearerOrHelper, now_s: float) -> None:
        """Of several fixes that are due after a delay only the last is sent."""
        fix = None
        for happening in inhabitant.life.until(now_s):
            if isinstance(happening, Fix):
                fix = happening
            elif isinstance(inhabitant.person, Wearer):
                self._begin(tasks, self._fall(tasks, inhabitant.person, inhabitant.resident, happening))
        if fix and not inhabitant.is_sending:
            self._begin(tasks, self._report(inhabitant, fix))

    def _begin(self, tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
        task = tasks.create_task(self._trying(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _trying(self, work: Coroutine[Any, Any, None]) -> None:
        """A service that is away or refuses is shown, and life goes on."""
        try:
            await work
        except (Refused, httpx.HTTPError) as why:
            self._chronicle.trouble(why)

    async def _report(self, inhabitant: WearerOrHelper, fix: Fix) -> None:
        inhabitant.is_sending = True
        self._tally.fixes += 1
        try:
            await inhabitant.person.send_fix(body_of_fix(fix))
        except (Refused, httpx.HTTPError):
            self._tally.fixes_lost += 1
            raise
        finally:
            inhabitant.is_sending = False

    async def _fall(self, tasks: asyncio.TaskGroup, wearer: Wearer, faller: Resident, signal: Signal) -> None:
        if signal.battery_level == 0:
            self._tally.unheard += 1
            return
        body = body_of_signal(wearer.device_uid, signal)
        self._tally.signals += 1
        sent_at, began = time.time(), time.monotonic()
        uid = (await wearer.trigger(body)).json()["event_uid"]
        took_ms = (time.monotonic() - began) * 1000
        self._tally.answered += 1
        if uid not in self._rescue.emergencies:
            close_at_s, number = self._now_s() + GIVE_UP_S, next(self._numbers)
            self._rescue.begin(Emergency(number, uid, faller, signal.fall, signal.place, sent_at, took_ms, close_at_s))
        for after_s in signal.fall.repeats_after_s:
            self._begin(tasks, self._repeat(wearer, body, uid, after_s))

    async def _repeat(self, wearer: Wearer, body: Json, uid: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._tally.repeats += 1
        answer = (await wearer.trigger(body)).json()
        self._tally.repeats_merged += answer["status"] == "duplicate" and answer["event_uid"] == uid
        self._stage.tell()

    async def _end(self) -> None:
        """Waits for what is under way, then the dispatcher closes what is open: its helpers are free again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._stage.until(self._all_settled)
        for emergency in self._rescue.open:
            await self._trying(self._rescue.close(emergency, unhelped="cut short"))

    def _all_settled(self) -> bool:
        """Every signal and repeat is answered, every event shown and rung for, every receipt taken."""
        tally = self._tally
        answered = (tally.answered, tally.repeats_merged) == (tally.signals, tally.repeats)
        settled = all(self._is_settled(emergency) for emergency in self._rescue.emergencies.values())
        return answered and settled and self._stage.owed <= self._stage.receipts.keys()

    def _is_settled(self, emergency: Emergency) -> bool:
        is_shown = self._stage.first_message_of(emergency.uid) is not None
        return is_shown and (emergency.is_over or bool(self._stage.pushes_of(emergency.uid)))


def body_of_fix(fix: Fix) -> Json:
    """Measured now, by the device's clock."""
    return {
        **fix.place._asdict(),
        "speed": fix.speed,
        "direction": fix.direction,
        "battery_level": fix.battery_level,
        "timestamp": _now(),
    }


def body_of_signal(device_uid: str, signal: Signal) -> Json:
    return {
        "device_uid": device_uid,
        **signal.place._asdict(),
        "altitude": 455.0,
        "detected_type": signal.fall.kind,
        "severity": signal.fall.severity,
        "timestamp": _now(),
        "raw_payload": {"acceleration_g": signal.fall.impact_g, "battery_level": signal.battery_level},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
