"""Does the memory of a process stay? What web, worker and sweep hold after 100,000 requests, against after 1,000.

One request in fifty is a signal that calls helpers, whose phones a stand-in for Firebase rings; the others are
location reports. Counted are the pages of each process and of those it started, shared ones in part (PSS).
"""

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import django
from django.db import connection

from simulator.standins.fcm import running_stand_in

from ..load import load, post
from ..measured import Measured
from . import crowd
from .alerts import settings_for
from .locations import reports
from .served import Service, served

FEW, MANY = 1_000, 100_000
PEOPLE, CONNECTIONS, SIGNAL_EVERY = 10_000, 16, 50
PROCESSES = ("web", "worker", "sweep")
PATIENCE_S = 120
_UNDECIDED = """
SELECT (SELECT count(*) FROM sos_sosevent WHERE waves_called = 0)
     + (SELECT count(*) FROM notifications_notification WHERE state = 'QUEUED' AND due_at < now())
"""


def measure(*, short: bool) -> Iterator[Measured]:
    del short  # there is no short form
    with running_stand_in() as fcm, served("bench_memory", calls=1, settings=settings_for(fcm)) as service:
        django.setup()
        crowd.fill(service.database_url, 1, PEOPLE)
        requests = _requests()
        after_few = _held_after(service, requests[:FEW], FEW)
        after_many = _held_after(service, requests, MANY - FEW)
        connection.close()
    for name in PROCESSES:
        what = f"memory of {name} after {MANY:,} requests"
        yield Measured(what, after_many[name], "MB", after_few[name], f"after {FEW:,}", at_most=1.2)


def _requests() -> list[bytes]:
    """In the order in which they are sent: each fiftieth a signal, of any watch of a wearer's."""
    located = itertools.cycle(reports(range(1, PEOPLE + 1)))
    return [_signal() if n % SIGNAL_EVERY == 0 else next(located) for n in range(PEOPLE)]


def _signal() -> bytes:
    number = random.randrange(1, PEOPLE, crowd.ON_DUTY_EVERY)
    signal = {"device_uid": crowd.uid_of(number), "detected_type": "FALL_DETECTED", "severity": 3}
    place = crowd.position(crowd.TASHKENT, crowd.TASHKENT_SPREAD)
    return post("/api/v1/sos/trigger/", crowd.token_of(number), signal | place)


def _held_after(service: Service, requests: Sequence[bytes], count: int) -> dict[str, float]:
    """Once the helpers of all signals are called and no message waits. Raises RuntimeError."""
    answers = load(service.url, requests, CONNECTIONS, count=count)
    if answers.statuses[200] + answers.statuses[201] != count:
        raise RuntimeError(f"heard {dict(answers.statuses)}, such as {answers.odd!r}")
    end = time.monotonic() + PATIENCE_S
    while _undecided():
        if time.monotonic() > end:
            raise RuntimeError(f"helpers are not called within {PATIENCE_S} s")
        time.sleep(0.5)
    return {name: _held_mb(service.processes[name].pid) for name in PROCESSES}


def _undecided() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_UNDECIDED)
        return int(cursor.fetchone()[0])


def _held_mb(pid: int) -> float:
    """Of the process and all below it."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss_kb = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return pss_kb / 1000 + sum(_held_mb(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    return [
        int(child) for thread in Path(f"/proc/{pid}/task").glob("*/children") for child in thread.read_text().split()
    ]
