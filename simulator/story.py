"""One SOS from the watch to the helpers, step by step, each with its milliseconds. Ends at the first that fails."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .client import Helper, Json, Push, Refused, Wearer
from .people.city import nearest_place
from .stage import Stage

STEP_LIMIT_S = 30.0
QUIET_S = 1.0
"""So long without a new ring, and the first waves have rung."""
HELPERS_NEEDED = 2
STEPS = (
    "the dispatcher's screen is open",
    "the watch hears 201",
    "helpers' phones ring",
    "the dispatcher's screen shows it",
    "a helper accepts and learns the exact place",
    "a second helper accepts",
    "the same signal again is a duplicate, nobody is called twice",
)


def spec_signal(wearer: Wearer) -> Json:
    """The request body of the spec, section 6.3."""
    return {
        "device_uid": wearer.device_uid,
        "lat": 41.311081,
        "lon": 69.240562,
        "altitude": 500.0,
        "detected_type": "FALL_DETECTED",
        "severity": 4,
        "timestamp": "2025-10-28T12:00:00Z",
        "raw_payload": {"sensor_data": "..."},
    }


class StepFailed(Exception):
    """The step did not happen, and why."""


def expect(happened: bool, otherwise: str) -> None:
    if not happened:
        raise StepFailed(otherwise)


@dataclass
class Ledger:
    """When each step happened, in seconds since 1970."""

    began: float = 0.0
    happened: dict[str, float] = field(default_factory=dict)
    failed: str | None = None
    waiting_for: str = ""
    """What a step that takes too long still lacks."""

    def ms(self, at: float) -> int:
        """Milliseconds since the signal was sent."""
        return round((at - self.began) * 1000)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """Raises StepFailed when the step takes too long or breaks."""
        self.failed, self.waiting_for = name, ""
        try:
            async with asyncio.timeout(STEP_LIMIT_S):
                yield
        except TimeoutError:
            lack = f": {self.waiting_for}" if self.waiting_for else ""
            raise StepFailed(f"not within {STEP_LIMIT_S:.0f} s{lack}") from None
        except (Refused, httpx.HTTPError) as why:
            raise StepFailed(str(why) or type(why).__name__) from None
        self.happened.setdefault(name, time.time())
        self.failed = None

    def table(self) -> Table:
        table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("")
        table.add_column("step")
        table.add_column("ms since the signal", justify="right")
        for name in STEPS:
            at = None if name == self.failed else self.happened.get(name)
            mark = Text("✓", "green") if at else Text("✗", "red") if name == self.failed else Text("·", "dim")
            ms = f"{self.ms(at):,}" if at and at >= self.began else ""
            table.add_row(mark, Text(name, "dim" if name not in self.happened else ""), ms)
        return table


class Story:
    """The spec's wearer falls; `tell` goes through STEPS and fills the ledger. Raises StepFailed."""

    def __init__(self, stage: Stage, wearer: Wearer, console: Console) -> None:
        self._stage = stage
        self._wearer = wearer
        self._console = console
        self._signal = spec_signal(wearer)
        self._event_uid = ""
        self.ledger = Ledger()

    async def tell(self) -> None:
        opened, sent, rang, shown, accepted, second, repeated = STEPS
        async with self.ledger.step(opened):
            await self._stage.screen_open.wait()
        await self._send(sent)
        await self._ring(rang)
        await self._show(shown)
        for name, helper in zip((accepted, second), self._helpers_rung(), strict=False):
            await self._accept(name, helper)
        await self._repeat(repeated)

    async def close(self) -> None:
        """The dispatcher closes the event, so that its helpers are free again, in this run and the next."""
        if self._event_uid:
            await self._stage.dispatcher.resolve(self._event_uid, "HELPED")

    def _head(self, title: str, note: str = "") -> None:
        self._console.print()
        self._console.print(Text.assemble((title, "bold"), ("  " if note else ""), (note, "dim")))

    def _line(self, at: float, text: Text | str) -> None:
        self._console.print(Text.assemble((f"  {self.ledger.ms(at):>6,} ms  ", "cyan"), text))

    async def _send(self, name: str) -> None:
        self._head(f"{self._wearer.full_name} falls, near {nearest_place(self._wearer.place)}", "the watch sends")
        self._console.print(Text("  POST /api/v1/sos/trigger/", "cyan"))
        self._console.print(Text(_indented(json.dumps(self._signal, indent=4))))
        async with self.ledger.step(name):
            self.ledger.began = time.time()
            answer = await self._wearer.trigger(self._signal)
            answered = time.time()
            expect(answer.status_code == 201, f"answered {answer.status_code} {answer.text}")
            self._event_uid = answer.json()["event_uid"]
            self.ledger.happened[name] = answered
        self._line(answered, Text.assemble(("201 Created ", "green"), answer.text))

    async def _ring(self, name: str) -> None:
        self._head("Helpers' phones ring", "they know the area and about how far, no name and no address")
        async with self.ledger.step(name):
            await self._stage.until(lambda: self._stage.pushes_of(self._event_uid))
            self.ledger.happened[name] = self._stage.pushes_of(self._event_uid)[0].at
            await self._all_rung()
            await self._all_acknowledged()
        for push in self._first_rings().values():
            self._line(push.at, self._ringing(push))
        self._console.print(Text(f"  {self._counts()}", "dim"))

    def _first_rings(self) -> dict[str, Push]:
        """By phone, in the order they rang; a message delivered twice rings once."""
        rings: dict[str, Push] = {}
        for push in self._stage.pushes_of(self._event_uid):
            rings.setdefault(push.token, push)
        return rings

    def _receipts(self) -> list[float]:
        """When the service took each receipt of this event's pushes; seconds since 1970."""
        ids = {push.data["notification_id"] for push in self._stage.pushes_of(self._event_uid)}
        return [at for notification_id, at in self._stage.receipts.items() if notification_id in ids]

    async def _all_quiet(self) -> None:
        rings = -1
        while rings != self._stage.rings:
            rings = self._stage.rings
            await asyncio.sleep(QUIET_S)

    async def _all_rung(self) -> None:
        """Every phone Firebase was asked to ring has rung, and no more are called."""
        await self._all_quiet()
        while missing := await self._silent_phones():
            self.ledger.waiting_for = f"called and not rung: {len(missing)}"
            await self._all_quiet()
        expect(len(self._helpers_rung()) >= HELPERS_NEEDED, "fewer phones rang than helpers are needed")

    async def _silent_phones(self) -> set[str]:
        called = {attempt["token"] for attempt in await self._stage.phones.attempts(self._event_uid)}
        return called - {push.token for push in self._stage.pushes_of(self._event_uid)}

    async def _all_acknowledged(self) -> None:
        """The service has the receipt of every phone that rang."""
        pushes = self._stage.pushes_of(self._event_uid)
        ours = {push.data["notification_id"] for push in pushes if push.token in self._stage.people.helpers}
        self.ledger.waiting_for = "receipts"
        await self._stage.until(lambda: ours <= set(self._stage.receipts))

    def _ringing(self, push: Push) -> Text:
        helper = self._stage.people.helpers.get(push.token)
        who = helper.full_name if helper else "somebody from an earlier run"
        return Text(f"{who:<28} {int(push.data['distance_m']):>6,} m away")

    def _counts(self) -> str:
        taken = self._receipts()
        last = f", the last after {self.ledger.ms(max(taken)):,} ms" if taken else ""
        return f"{len(self._first_rings())} phones rang; {len(taken)} receipts taken{last}"

    async def _show(self, name: str) -> None:
        self._head("The dispatcher's screen", "over the WebSocket")
        async with self.ledger.step(name):
            message = await self._stage.until(lambda: self._stage.first_message_of(self._event_uid))
            self.ledger.happened[name] = message.at
        event = message.body["payload"]
        what, where = f"{event['detected_type']}  severity {event['severity']}", f"{event['lat']}, {event['lon']}"
        self._line(message.at, f"{what}  {event['user_phone']}  {where}")

    def _helpers_rung(self) -> list[Helper]:
        """In the order their phones rang."""
        helpers = self._stage.people.helpers
        return [helpers[token] for token in self._first_rings() if token in helpers]

    async def _accept(self, name: str, helper: Helper) -> None:
        self._head(f"{helper.full_name} accepts", "and only now learns where, and who")
        async with self.ledger.step(name):
            answer = await helper.respond(self._event_uid, "ACCEPTED")
            answered = time.time()
            expect(answer.status_code == 200, f"answered {answer.status_code} {answer.text}")
            event = answer.json()
            place = (self._signal["lat"], self._signal["lon"])
            expect((event["lat"], event["lon"]) == place, f"told another place: {answer.text}")
            self.ledger.happened[name] = answered
        person = event["wearer"]
        self._line(
            answered,
            f"{event['lat']}, {event['lon']}  {person['full_name']}  {person['phone_number']}"
            f"  event {event['event_status']}",
        )

    async def _repeat(self, name: str) -> None:
        self._head("The same signal again")
        async with self.ledger.step(name):
            answer = await self._wearer.trigger(self._signal)
            answered = time.time()
            same = answer.status_code == 200 and answer.json()["event_uid"] == self._event_uid
            expect(same, f"answered {answer.status_code} {answer.text}")
            await self._all_quiet()
            expect(not self._called_twice(), f"called twice: {', '.join(self._called_twice())}")
            self.ledger.happened[name] = answered
        self._line(answered, Text.assemble(("200 OK ", "green"), answer.text))

    def _called_twice(self) -> list[str]:
        """Phones with two different alerts; the same one delivered twice shows once on a screen."""
        alerts = {
            (push.token, push.data["notification_id"])
            for push in self._stage.pushes_of(self._event_uid)
            if push.data["kind"] == "SOS_ALERT"
        }
        return [token for token, count in Counter(token for token, _ in alerts).items() if count > 1]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
