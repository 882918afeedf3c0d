"""Many at once: 2,000 people press within ten seconds, and there are 1,000 helpers.

Two web processes, the worker and the sweep. Each watch has a connection of its own, presses in its moment, whatever the
others hear, and again after half a second when it is not told that its signal is stored. Counted from the first press:
until the last is stored, until the first wave of each event is decided (whom to call, if anybody is left), and until
the last push of these waves has been handed to the stand-in for Firebase.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from urllib.parse import urlsplit

import django
import psycopg
import uvloop

from simulator.standins.fcm import running_stand_in

from ..measured import Measured
from . import crowd
from .alerts import settings_for
from .served import Service, served
from .triggers import press

AGAIN_S, PATIENCE_S = 0.5, 600.0
LENGTH = "the burst's length"
UNDECIDED = "SELECT count(*) FROM sos_sosevent WHERE waves_called = 0"
UNSENT = (
    "SELECT count(*) FROM notifications_notification"
    " WHERE kind = 'SOS_ALERT' AND channel = 'FCM' AND state = 'QUEUED' AND urgency = 0"  # of first waves
)


@dataclass
class Burst:
    """statuses: of all answers. stored_s: seconds from the first press until each was stored."""

    began_at: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    stored_s: list[float] = field(default_factory=list)


def measure(*, short: bool) -> Iterator[Measured]:
    presses, seconds, helpers = (500, 2.5, 250) if short else (2000, 10.0, 1000)
    with running_stand_in() as fcm, served("bench_burst", workers=2, calls=1, settings=settings_for(fcm)) as service:
        django.setup()
        crowd.fill(service.database_url, 1, helpers * crowd.ON_DUTY_EVERY)
        crowd.gather(service.database_url, within_m=2000)
        numbers = [n for n in range(1, helpers * crowd.ON_DUTY_EVERY) if n % crowd.ON_DUTY_EVERY][:presses]
        yield from pressed_at_once(service, [press(number) for number in numbers], seconds)


def pressed_at_once(service: Service, requests: Sequence[bytes], seconds: float) -> Iterator[Measured]:
    """The requests, each of another watch, spread evenly over so many seconds.

    Raises RuntimeError when one is lost or opened two events, TimeoutError when the last push is not handed over.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        burst = process.submit(press_evenly, service.url, requests, seconds).result(PATIENCE_S)
    decided_at = _when(service, UNDECIDED)
    sent_at = _when(service, UNSENT)
    _count(service, len(requests), burst)
    name = f"{len(requests):,} SOS in {seconds:g} s"
    yield Measured(f"{name}: all stored", max(burst.stored_s), "s", seconds, LENGTH, at_most=2)
    yield Measured(f"{name}: refused and sent again", burst.statuses.total() - len(requests), "")
    for what, at in (("every first wave decided", decided_at), ("last first push handed over", sent_at)):
        yield Measured(f"{name}: {what}", at - burst.began_at, "s", seconds, LENGTH, at_most=1.5)


def press_evenly(url: str, requests: Sequence[bytes], seconds: float) -> Burst:
    """Number n of the requests is sent n / (how many) of `seconds` after the first, and until it is stored."""
    return uvloop.run(_press_all(urlsplit(url).port or 80, requests, seconds))


async def _press_all(port: int, requests: Sequence[bytes], seconds: float) -> Burst:
    burst = Burst(time.time())
    step = seconds / len(requests)
    await asyncio.gather(*(_press(port, request, turn * step, burst) for turn, request in enumerate(requests)))
    return burst


async def _press(port: int, request: bytes, after_s: float, burst: Burst) -> None:
    await asyncio.sleep(after_s)
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            status = int((await reader.readuntil(b"\r\n")).split()[1])
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        burst.statuses[status] += 1
        if status in {200, 201}:
            burst.stored_s.append(time.time() - burst.began_at)
            return
        await asyncio.sleep(AGAIN_S)


def _when(service: Service, left: str) -> float:
    """When nothing is left, in seconds since 1970. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    with psycopg.connect(service.database_url, autocommit=True) as database:
        while time.monotonic() < end:
            if database.execute(left).fetchone() == (0,):
                return time.time()
            time.sleep(0.05)
    raise TimeoutError(left)


def _count(service: Service, presses: int, burst: Burst) -> None:
    """Raises RuntimeError when a press is lost, or opened two events."""
    with psycopg.connect(service.database_url) as database:
        events = database.execute("SELECT count(*), count(DISTINCT device_id) FROM sos_sosevent").fetchone()
    if events != (presses, presses) or len(burst.stored_s) != presses:
        raise RuntimeError(f"{presses} pressed, {len(burst.stored_s)} answered, {events} events and watches")
