"""The demo: a city joins the service, somebody falls, and you watch who hears of it and how fast.

Runs against a service that uses the stand-in for Firebase (`python -m simulator.fcm`).
With --once it ends after the first event: exit status 0 if every step happened, else 1.
"""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .city import City
from .client import Api, Dispatcher, PhoneNetwork, Refused, Wearer, connection
from .live import LiveCity, is_lively
from .population import SPEC_WATCH, Population, Settlement
from .stage import Stage
from .story import StepFailed, Story

PLAIN_WIDTH = 120


class Demo:
    def __init__(self, arguments: argparse.Namespace, console: Console) -> None:
        self._arguments = arguments
        self._console = console
        self._city = City(arguments.seed)

    async def run(self) -> int:
        """The exit status."""
        title = f"{self._arguments.url} · seed {self._arguments.seed}"
        self._console.print(Text.assemble(("MDD, one SOS from the watch to the helpers", "bold"), "  ", (title, "dim")))
        async with self._stage() as stage:
            story = Story(stage, self._protagonist(stage.people), self._console)
            passed = await self._tell(story)
            await story.close()
            if passed and not self._arguments.once:
                self._console.print(Text("\nThe dispatcher closes it, and the city goes on.\n", "bold"))
                await LiveCity(stage, self._city, self._console).run()
        return 0 if passed else 1

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
        wearers, helpers = self._arguments.wearers, self._arguments.helpers
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not is_lively(self._console)) as bar:
            task = bar.add_task("people join", total=wearers + helpers)
            settlement = Settlement(self._city, http, dispatcher, lambda: bar.advance(task))
            people = await settlement.settle(wearers, helpers)
        self._console.print(
            f"  {wearers} wearers and {helpers} helpers joined in {people.took_s:.1f} s;"
            " the dispatcher approved the helpers, they are on duty"
        )
        return people

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
    parser = argparse.ArgumentParser(prog="python -m simulator.demo", description=__doc__)
    parser.add_argument("--url", required=True, help="the service")
    parser.add_argument("--fcm", required=True, help="the stand-in for Firebase it uses")
    parser.add_argument("--once", action="store_true", help="end after the first event")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="the same seed, the same city")
    parser.add_argument("--helpers", type=int, default=40)
    parser.add_argument("--wearers", type=int, default=8)
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
        return 0
    except (Refused, httpx.HTTPError) as why:
        out.print(Text(f"Failed before the first signal: {str(why) or type(why).__name__}", "red bold"))
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
