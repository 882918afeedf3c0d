"""The demo: a city joins the service, somebody falls, and you watch who hears of it and how fast.

Runs against a service that uses the stand-in for Firebase (`python -m simulator.standins.fcm`).
With --once it ends after the first event, with --minutes after so long a life of the city: exit status 0 if every step
happened and nothing got lost, else 1.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from . import options
from .chronicle import is_lively
from .client import Api, Dispatcher, PhoneNetwork, Refused, Wearer, connection
from .live import LiveCity
from .people.cast import Cast
from .people.population import JOINED_PER_S, SPEC_WATCH, Population, Settlement
from .stage import Stage
from .story import StepFailed, Story

PLAIN_WIDTH = 120
LINE_EVERY = 100
"""Where nothing may move, there is a line for so many who have joined."""
INTERRUPTED = 130


class Demo:
    def __init__(self, arguments: argparse.Namespace, console: Console) -> None:
        self._arguments = arguments
        self._console = console
        self._cast = Cast(arguments.seed, arguments.people)

    async def run(self) -> int:
        """The exit status."""
        title = f"{self._arguments.url} · seed {self._arguments.seed}"
        self._console.print(Text.assemble(("MDD, one SOS from the watch to the helpers", "bold"), "  ", (title, "dim")))
        async with self._stage() as stage:
            story = Story(stage, self._protagonist(stage.people), self._console)
            passed = await self._tell(story)
            await story.close()
            if passed and not self._arguments.once:
                passed = await self._go_on(stage)
        return 0 if passed else 1

    async def _go_on(self, stage: Stage) -> bool:
        """Whether nothing got lost."""
        minutes = self._arguments.minutes
        length = f" for {minutes:g} min" if minutes else ""
        self._console.print(Text(f"\nThe dispatcher closes it, and the city goes on{length}.\n", "bold"))
        return await LiveCity(stage, self._cast, self._console, minutes and minutes * 60).run()

    @asynccontextmanager
    async def _stage(self) -> AsyncIterator[Stage]:
        url, fcm = self._arguments.url, self._arguments.fcm
        async with connection(url) as http, aclosing(PhoneNetwork(fcm)) as phones:
            dispatcher = Dispatcher(Api(http), url)
            await dispatcher.api.login(os.environ["MDD_ADMIN_PHONE"], os.environ["MDD_ADMIN_PASSWORD"])
            await phones.forget_earlier()
            stage = Stage(await self._settle(http, dispatcher), dispatcher, phones)
            async with stage.listening():
                yield stage

    async def _settle(self, http: httpx.AsyncClient, dispatcher: Dispatcher) -> Population:
        wearers, helpers = len(self._cast.wearers), len(self._cast.helpers)
        self._console.print(
            f"  {wearers} wearers and {helpers} helpers join: about {(wearers + helpers) / JOINED_PER_S:.0f} s on two"
            " cores, for the server hashes each password as it should"
        )
        with self._counting(wearers + helpers) as joined:
            people = await Settlement(self._cast, http, dispatcher, joined).settle()
        self._console.print(f"  joined in {people.took_s:.1f} s; the dispatcher approved the helpers, they are on duty")
        return people

    @contextmanager
    def _counting(self, total: int) -> Iterator[Callable[[], None]]:
        """Gives what is called after each who has joined."""
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), *times)
        lively, joined = is_lively(self._console), 0
        with Progress(*columns, console=self._console, transient=True, disable=not lively) as bar:
            task = bar.add_task("people join", total=total)

            def count() -> None:
                nonlocal joined
                joined += 1
                bar.advance(task)
                if not lively and joined % LINE_EVERY == 0:
                    self._console.print(f"  {joined} of {total}")

            yield count

    def _protagonist(self, people: Population) -> Wearer:
        wearer = people.wearers[0]
        if wearer.device_uid != SPEC_WATCH:
            note = f"{SPEC_WATCH} was used in this database before: {wearer.device_uid} takes its part"
            self._console.print(Text(f"  {note}", "yellow"))
        return wearer

    async def _tell(self, story: Story) -> bool:
        """Whether every step happened."""
        why = None
        try:
            await story.tell()
        except StepFailed as failure:
            why = failure
        self._console.print()
        self._console.print(story.ledger.table())
        if why:
            self._console.print(Text(f"\nFailed: {story.ledger.failed}: {why}", "red bold"))
        return why is None


def console() -> Console:
    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(width=width, highlight=False, soft_wrap=not sys.stdout.isatty())


def parsed() -> argparse.Namespace:
    parser = options.parser("python -m simulator.demo")
    parser.add_argument("--url", required=True, help="the service")
    parser.add_argument("--fcm", required=True, help="the stand-in for Firebase it uses")
    arguments = parser.parse_args()
    for name in ("MDD_ADMIN_PHONE", "MDD_ADMIN_PASSWORD"):
        if not os.environ.get(name):
            parser.error(f"{name} is not set: the dispatcher's account")
    return arguments


def main() -> int:
    arguments, out = parsed(), console()
    try:
        return asyncio.run(Demo(arguments, out).run())
    except KeyboardInterrupt:
        out.print("\nThe city sleeps.")
        return INTERRUPTED if arguments.minutes else 0
    except (Refused, httpx.HTTPError) as why:
        out.print(Text(f"Failed before the first signal: {str(why) or type(why).__name__}", "red bold"))
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
