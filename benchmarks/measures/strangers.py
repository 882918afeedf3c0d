"""How long an SOS takes while strangers keep the door busy: two web processes, a trigger at a time over 2 connections,
alone and beside 50 anonymous connections, each of which asks again as soon as it is answered: for the OpenAPI document,
to register, and to sign in with a wrong password. They take turns; each figure is the median of its turns.
"""

import itertools
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import django

from ..load import Answers, load, post
from ..measured import Measured
from . import crowd
from .served import Service, served
from .triggers import press

PROCESSES, CONNECTIONS, STRANGERS, PER_SECOND = 2, 2, 50, 600
SCHEMA = b"GET /api/schema/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
REGISTRATIONS = {"REGISTRATIONS_PER_ADDRESS": "100000"}  # an hour; else strangers would cost nothing from the 21st on
PASSWORD = "no-Account-has-This-1"  # noqa: S105 - no secret here


def measure(*, short: bool) -> Iterator[Measured]:
    seconds, rounds = (5, 3) if short else (10, 5)
    turns = 2 * rounds + 1
    with served("bench_strangers", workers=PROCESSES, settings=REGISTRATIONS) as service:
        django.setup()
        crowd.fill(service.database_url, 1, PER_SECOND * seconds * turns, helpers=False)
        presses = iter([press(number) for number in range(1, PER_SECOND * seconds * turns + 1)])
        newcomers = itertools.count()
        trigger(service, presses, seconds)  # the first connections
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(trigger(service, presses, seconds))
            with ThreadPoolExecutor(1) as pool:
                asking = pool.submit(load, service.url, knocking(newcomers), STRANGERS, seconds=seconds + 2)
                beside.append(trigger(service, presses, seconds))
                answered = asking.result().per_second
        for share, aim in ((0.5, None), (0.99, 2.0)):
            usual, crowded = (statistics.median(turn.share_ms(share) for turn in turns) for turns in (alone, beside))
            name = f"trigger beside {STRANGERS} strangers: {share:.0%} within"
            yield Measured(name, crowded, "ms", usual, "the same without them", at_most=aim)
        yield Measured(f"what {STRANGERS} strangers are answered", answered, "/s")


def trigger(service: Service, presses: Iterator[bytes], seconds: int) -> Answers:
    """Raises RuntimeError when a press did not open an event."""
    some = list(itertools.islice(presses, PER_SECOND * seconds))
    answers = load(service.url, some, CONNECTIONS, seconds=seconds)
    if answers.statuses.keys() != {201}:
        raise RuntimeError(f"heard {dict(answers.statuses)}, such as {answers.odd!r}")
    return answers


def knocking(newcomers: Iterator[int]) -> Sequence[bytes]:
    """What strangers ask for: no number twice, since too many wrong passwords lock one without a hash."""
    requests = []
    for number in itertools.islice(newcomers, 2000):
        phone = f"+99891{number:07d}"
        new = {"phone_number": phone, "full_name": "Newcomer", "password": PASSWORD, "password2": PASSWORD}
        requests.append(post("/api/v1/auth/register/", "", new))
        requests.append(post("/api/v1/auth/login/", "", {"phone_number": f"+99893{number:07d}", "password": PASSWORD}))
        requests.append(SCHEMA)
    return requests
