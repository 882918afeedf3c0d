"""How soon somebody hears of an SOS: the first helper's phone, and the dispatchers' screens.

Two web processes, the worker and the sweep; 10 presses a second, each calls the 8 nearest helpers. From just before the
press is sent until the first and the eighth of its pushes have reached the stand-in for Firebase. Then 50 dispatchers'
sockets are open, in a process of their own, and it goes on: until each of them has been told.

Beside it the bare work, each step after the other in one process while nothing else happens: a row inserted and
committed, a search, a call over HTTP; and a row inserted and committed, a message through Redis. All on one machine and
by one clock. The aims compare with the median of the bare work, the slowest hundredth too.
"""

import asyncio
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from operator import attrgetter
from typing import Any

import django
import httpx
import psycopg
import redis
import websockets

from simulator.standins.fcm import Running, running_stand_in

from ..measured import Measured
from . import crowd
from .nearest import open_events
from .served import Service, served
from .triggers import EVENT, plan, press

PER_SECOND, CALLED, DISPATCHERS, PEOPLE = 10, 8, 50, 40_000
BARE_PUSH = "insert, search, HTTP call, one after the other"
BARE_FEED = "insert, Redis publish and subscribe"
TIMES = 100
CLOSE = "UPDATE sos_sosevent SET status = 'CANCELLED', closed_at = now(), next_step_at = NULL WHERE closed_at IS NULL"


def measure(*, short: bool) -> Iterator[Measured]:
    presses = PER_SECOND * (12 if short else 40)
    with (
        running_stand_in() as fcm,
        served("bench_alerts", workers=2, calls=1, settings=settings_for(fcm)) as service,
    ):
        django.setup()
        crowd.fill(service.database_url, 1, PEOPLE)
        crowd.gather(service.database_url, within_m=800)
        bare_push, bare_feed = _bare_push(service, fcm), _bare_feed(service)
        _press_all(service, range(1, 21))  # the first connections
        sent = _press_all(service, range(101, 101 + presses))
        first, eighth = _pushed(fcm, sent)
        for name, took in (("first", first), ("eighth", eighth)):
            aims = (6, 12) if name == "first" else (None, None)
            yield from _shares(f"trigger → {name} push", took, bare_push, BARE_PUSH, aims)
        feed = _feed_delays(service, range(5001, 5001 + presses))
        yield from _shares(f"trigger → {DISPATCHERS} dispatchers", feed, bare_feed, BARE_FEED, (4, None))


def settings_for(fcm: Running) -> dict[str, str]:
    return {"FCM_ENDPOINT": fcm.url, "FCM_SERVICE_ACCOUNT_JSON": json.dumps(fcm.service_account)}


def _shares(
    name: str, took_s: Sequence[float], bare_s: float, by: str, aims: tuple[float | None, float | None]
) -> Iterator[Measured]:
    ms = sorted(took * 1000 for took in took_s)
    yield Measured(f"{name}: median", statistics.median(ms), "ms", bare_s * 1000, by, at_most=aims[0])
    yield Measured(f"{name}: 99 % within", ms[int(len(ms) * 0.99)], "ms", bare_s * 1000, by, at_most=aims[1])


def _press_all(service: Service, numbers: Sequence[int]) -> dict[str, float]:
    """One after the other, in their time; by event, when the press was sent, in seconds since 1970."""
    return asyncio.run(
        _press_in_time(service.url, [(n, _body_of(press(n))) for n in numbers if n % crowd.ON_DUTY_EVERY])
    )


def _body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


async def _press_in_time(url: str, presses: Sequence[tuple[int, bytes]]) -> dict[str, float]:
    began, sent = time.monotonic(), {}

    async def send(client: httpx.AsyncClient, turn: int, number: int, body: bytes) -> None:
        await asyncio.sleep(max(0.0, began + turn / PER_SECOND - time.monotonic()))
        headers = {"Authorization": f"Bearer {crowd.token_of(number)}", "Content-Type": "application/json"}
        at = time.time()
        answer = await client.post(f"{url}/api/v1/sos/trigger/", content=body, headers=headers)
        if answer.status_code != 201:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        sent[answer.json()["event_uid"]] = at

    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(send(client, turn, number, body) for turn, (number, body) in enumerate(presses)))
    return sent


def _pushed(fcm: Running, sent: dict[str, float]) -> tuple[list[float], list[float]]:
    """Seconds until the first and until the eighth push of each event. Raises RuntimeError when one has not come."""
    of_event: Callable[[Any], str] = lambda push: push.message["data"]["event_uid"]  # noqa: E731
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pushes = [push for push in fcm.messages() if push.message["data"].get("event_uid") in sent]
        rung = [push for push in pushes if push.message["data"]["kind"] == "SOS_ALERT"]
        rings = Counter(map(of_event, rung))  # those of second waves too
        if min(rings[uid] for uid in sent) >= CALLED:
            break
        time.sleep(0.5)
    first, last = [], []
    for uid, some in groupby(sorted(rung, key=of_event), key=of_event):
        at = sorted(map(attrgetter("at"), some))
        first.append(at[0] - sent[uid])
        last.append(at[CALLED - 1] - sent[uid])
    if len(first) != len(sent):
        raise RuntimeError(f"{len(sent)} pressed, {len(first)} rang")
    return first, last


def _feed_delays(service: Service, numbers: Sequence[int]) -> list[float]:
    """Seconds until each dispatcher has been told of each event. Raises RuntimeError when one has not been."""
    from apps.users.models import Role, User  # noqa: PLC0415 - after django.setup()
    from apps.users.rules.tokens import AccessToken  # noqa: PLC0415

    people = [
        User(phone_number=f"+99899{n:07d}", full_name=f"Dispatcher {n}", role=Role.ADMIN) for n in range(DISPATCHERS)
    ]
    tokens = [str(AccessToken.for_user(dispatcher)) for dispatcher in User.objects.bulk_create(people)]
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(1, context) as process:
        connected, over = manager.Event(), manager.Event()
        listening = process.submit(_listen, service.url.replace("http", "ws"), tokens, connected, over)
        if not connected.wait(30):
            raise RuntimeError("the sockets do not open")
        sent = _press_all(service, numbers)
        time.sleep(2)
        over.set()
        arrivals = [(uid, at) for uid, at in listening.result(60) if uid in sent]
    if len(arrivals) != len(sent) * DISPATCHERS:
        raise RuntimeError(f"{len(sent)} pressed, heard of {len(arrivals)} times")
    return [at - sent[uid] for uid, at in arrivals]


def _listen(url: str, tokens: Sequence[str], connected: Any, over: Any) -> list[tuple[str, float]]:
    return asyncio.run(_listen_all(url, tokens, connected, over))


async def _listen_all(url: str, tokens: Sequence[str], connected: Any, over: Any) -> list[tuple[str, float]]:
    """By event, when a socket told of it, in seconds since 1970."""
    arrivals: list[tuple[str, float]] = []

    async def listen(socket: Any) -> None:
        async for message in socket:
            at = time.time()
            if '"sos_event"' in message:
                arrivals.append((json.loads(message)["payload"]["event_uid"], at))

    sockets = [
        await websockets.connect(f"{url}/ws/sos_events/", additional_headers={"Authorization": f"Bearer {token}"})
        for token in tokens
    ]
    tasks = [asyncio.create_task(listen(socket)) for socket in sockets]
    connected.set()
    await asyncio.to_thread(over.wait)
    for task in tasks:
        task.cancel()
    return arrivals


def _bare_push(service: Service, fcm: Running) -> float:
    from apps.sos.rules.search import nearest_helpers  # noqa: PLC0415

    (event,) = open_events(1, cities=False)
    insert = EVENT.format(number="%(number)s", plan=json.dumps(plan()))
    with psycopg.connect(service.database_url, autocommit=True) as database, httpx.Client() as client:

        def work() -> None:
            database.execute(insert, {"number": random.randrange(1, 1000)})
            nearest_helpers(event, 3000, CALLED)
            client.get(f"{fcm.url}/healthz")

        seconds = _median(work)
        database.execute(CLOSE)
    return seconds


def _bare_feed(service: Service) -> float:
    insert = EVENT.format(number="%(number)s", plan=json.dumps(plan()))
    with (
        psycopg.connect(service.database_url, autocommit=True) as database,
        redis.Redis.from_url(service.redis_url) as client,
        client.pubsub(ignore_subscribe_messages=True) as channel,
    ):
        channel.subscribe("bare")
        while not channel.subscribed:
            channel.get_message(timeout=1)

        def work() -> None:
            database.execute(insert, {"number": random.randrange(1, 1000)})
            client.publish("bare", b"")
            while channel.get_message(timeout=1) is None:
                pass

        seconds = _median(work)
        database.execute(CLOSE)
    return seconds


def _median(work: Callable[[], None]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)
