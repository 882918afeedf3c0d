"""The city goes on: people fall, helpers walk, answer and arrive, until somebody ends it."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .city import City, Point, nearest_place
from .client import Helper, Json, Push, Refused, Wearer
from .stage import Stage

BETWEEN_EVENTS_S = 12.0
BETWEEN_WALKS_S = 10.0
STRIDE_M = 15.0
RUSH_M = 250.0
"""Time runs faster for those who hurry: a real helper needs ten times as long."""
ARRIVED_M = 50.0
GIVE_UP_S = 180.0
SHOWN = 14
FIGURES = ("sev", "answered", "first ring", "rang", "declined")
KINDS = ("FALL_DETECTED", "FALL_DETECTED", "MANUAL_TRIGGER", "OTHER")
STATES = {"calling": "red", "on the way": "yellow", "on scene": "green", "helped": "dim", "handed over": "dim"}


@dataclass
class Emergency:
    """One event as the demo sees it. Times in seconds since 1970."""

    uid: str
    number: int
    wearer: Wearer
    place: Point
    signal: Json
    sent_at: float
    answered_ms: int
    coming: list[Helper] = field(default_factory=list)
    declined: int = 0
    state: str = "calling"
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        return self.state in ("helped", "handed over")


def is_lively(console: Console) -> bool:
    """Whether what is shown may move; else there are plain lines."""
    return console.is_terminal and not console.is_dumb_terminal


class LiveCity:
    def __init__(self, stage: Stage, city: City, console: Console) -> None:
        self._stage = stage
        self._city = city
        self._console = console
        self._lively = is_lively(console)
        self._emergencies: dict[str, Emergency] = {}
        self._numbers = count(1)
        self._last_trouble = ""
        stage.react = self._consider

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._accidents(tasks))
            if self._lively:
                tasks.create_task(self._view())
            for helper in self._stage.people.helpers.values():
                tasks.create_task(self._walk(helper))

    async def _trying(self, work: Coroutine[Any, Any, object]) -> None:
        """A service that is away or refuses is shown, and life goes on."""
        try:
            await work
        except (Refused, httpx.HTTPError) as why:
            self._last_trouble = str(why) or type(why).__name__
            self._say(Text(self._last_trouble, "red"))

    async def _accidents(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            idle = [wearer for wearer in self._stage.people.wearers if not self._in_trouble(wearer)]
            if idle:
                tasks.create_task(self._trying(self._fall(self._city.dice.choice(idle))))
            await asyncio.sleep(self._city.dice.expovariate(1 / BETWEEN_EVENTS_S))

    def _in_trouble(self, wearer: Wearer) -> bool:
        return any(one.wearer is wearer and not one.is_over for one in self._emergencies.values())

    async def _fall(self, wearer: Wearer) -> None:
        signal = {
            "device_uid": wearer.device_uid,
            **wearer.place._asdict(),
            "altitude": 455.0,
            "detected_type": self._city.dice.choice(KINDS),
            "severity": self._city.dice.randint(2, 5),
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "raw_payload": {"acceleration_g": round(self._city.dice.uniform(2.5, 9.0), 2)},
        }
        sent_at = time.time()
        answer = await wearer.trigger(signal)
        took_ms = round((time.time() - sent_at) * 1000)
        uid = answer.json()["event_uid"]
        one = Emergency(uid, next(self._numbers), wearer, wearer.place, signal, sent_at, took_ms)
        self._emergencies[uid] = one
        self._note(one, f"{signal['detected_type']} severity {signal['severity']}, answered in {took_ms} ms")
        await self._see_through(one)

    async def _see_through(self, one: Emergency) -> None:
        """A dispatcher closes it when somebody is there, or hands it over when nobody comes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(one.arrived.wait(), GIVE_UP_S)
            await asyncio.sleep(self._city.dice.uniform(5, 15))
        helped = one.arrived.is_set()
        await self._stage.dispatcher.resolve(one.uid, "HELPED" if helped else "HANDED_OVER")
        one.state = "helped" if helped else "handed over"
        one.wearer.place = self._city.somewhere()
        self._note(one, one.state)
        await one.wearer.send_location()

    async def _consider(self, helper: Helper, push: Push) -> None:
        """Some come, some cannot, some do not hear it."""
        if push.data.get("kind") != "SOS_ALERT":
            return
        await asyncio.sleep(self._city.dice.uniform(1.5, 9))
        one, luck = self._emergencies.get(push.data["event_uid"]), self._city.dice.random()
        if one and luck < 0.4:
            await self._accept(helper, one)
        elif one and luck < 0.8:
            await helper.respond(one.uid, "DECLINED")
            one.declined += 1

    async def _accept(self, helper: Helper, one: Emergency) -> None:
        answer = await helper.respond(one.uid, "ACCEPTED")
        if answer.status_code != 200:
            return
        one.coming.append(helper)
        if one.state == "calling":
            one.state = "on the way"
        self._note(one, f"{helper.full_name} comes")

    async def _walk(self, helper: Helper) -> None:
        await asyncio.sleep(self._city.dice.uniform(0, BETWEEN_WALKS_S))
        while True:
            one = next((one for one in self._emergencies.values() if helper in one.coming and not one.is_over), None)
            if one:
                self._hurry(helper, one)
            else:
                helper.place = self._city.around(helper.place, 0, STRIDE_M)
            await self._trying(helper.send_location(speed=4.0 if one else 1.2))
            await asyncio.sleep(BETWEEN_WALKS_S / 4 if one else BETWEEN_WALKS_S)

    def _hurry(self, helper: Helper, one: Emergency) -> None:
        helper.place = helper.place.towards(one.place, RUSH_M)
        if helper.place.distance_m(one.place) < ARRIVED_M and one.state == "on the way":
            one.state = "on scene"
            one.arrived.set()
            self._note(one, f"{helper.full_name} is there")

    def _note(self, one: Emergency, text: str) -> None:
        clock = datetime.now(UTC).strftime("%H:%M:%S")
        self._say(f"{clock}  #{one.number:<3} {nearest_place(one.place):<28} {text}")

    def _say(self, line: str | Text) -> None:
        if not self._lively:
            self._console.print(line)

    async def _view(self) -> None:
        with Live(console=self._console, auto_refresh=False) as view:
            while True:
                view.update(Group(self._table(), self._footer()), refresh=True)
                await asyncio.sleep(0.5)

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for title in ("", "place", "what", "sev", "answered", "first ring", "rang", "declined", "state", "who comes"):
            table.add_column(title, justify="right" if title in FIGURES else "left", no_wrap=True)
        for one in list(self._emergencies.values())[-SHOWN:]:
            table.add_row(*self._row(one))
        return table

    def _row(self, one: Emergency) -> list[str | Text]:
        pushes = self._stage.pushes_of(one.uid)
        return [
            f"#{one.number}",
            nearest_place(one.place),
            one.signal["detected_type"],
            str(one.signal["severity"]),
            f"{one.answered_ms} ms",
            f"{(pushes[0].at - one.sent_at) * 1000:,.0f} ms" if pushes else "",
            str(len({push.token for push in pushes})),
            str(one.declined),
            Text(one.state, STATES[one.state]),
            ", ".join(helper.full_name for helper in one.coming[:2]),
        ]

    def _footer(self) -> Text:
        screen = ("screen open", "green") if self._stage.screen_open.is_set() else ("screen closed", "red")
        open_now = sum(not one.is_over for one in self._emergencies.values())
        counts = (
            f"{open_now} open · {len(self._emergencies)} so far · {len(self._stage.told)} told to the dispatcher · "
        )
        return Text.assemble(
            "\n", (counts, "dim"), screen, (" · Ctrl-C ends it", "dim"), "\n", (self._last_trouble, "red")
        )
