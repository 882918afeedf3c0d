"""Password hashes: one at a time, in a thread of its own; whoever asks for one keeps no SOS waiting."""

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

import httpx
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.urls import resolve

from mdd_backend import hashing
from mdd_backend.web import handler
from mdd_backend.web.handler import OneHop
from tests.api.routes import ROUTES, Scene, client_for
from tests.conftest import PASSWORD

LOGIN = {"phone_number": "+998901234567", "password": PASSWORD}


class Counted:
    """How many hashes are under way, and at most have been; each waits until it is let go."""

    def __init__(self) -> None:
        self.now = self.most = self.done = 0
        self.lock, self.go = threading.Lock(), threading.Event()
        self.threads: set[str] = set()

    def __call__(self, *_: Any) -> bool:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.threads.add(threading.current_thread().name.partition("_")[0])
        self.go.wait(30)
        with self.lock:
            self.now, self.done = self.now - 1, self.done + 1
        return False


@pytest.fixture
def hashes() -> Iterator[Counted]:
    counted = Counted()
    with mock.patch.object(Argon2PasswordHasher, "verify", counted):
        yield counted
    counted.go.set()


def test_hash_is_djangos_own() -> None:
    encoded = make_password(PASSWORD)
    assert encoded.startswith("argon2$argon2id$")
    assert (check_password(PASSWORD, encoded), check_password("another", encoded)) == (True, False)
    assert Argon2PasswordHasher().verify(PASSWORD, encoded)


def test_hashes_run_one_at_a_time_whoever_asks(hashes: Counted) -> None:
    encoded = make_password(PASSWORD)
    asking = [threading.Thread(target=check_password, args=(PASSWORD, encoded)) for _ in range(8)]
    for thread in asking:
        thread.start()
    until_true(lambda: hashes.now == hashing.AT_ONCE)
    hashes.go.set()
    for thread in asking:
        thread.join()
    assert (hashes.most, hashes.done, hashes.threads) == (hashing.AT_ONCE, 8, {"hash"})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows both of each thread")
def test_hash_gives_way_and_leaves_half_of_the_cores_alone() -> None:
    def here() -> tuple[int, set[int]]:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), os.sched_getaffinity(0)

    cores = sorted(os.sched_getaffinity(0))
    assert hashing._threads.submit(here).result() == (hashing.NICENESS, set(cores[len(cores) // 2 :]))
    assert "p=1" in make_password(PASSWORD)


def until_true(holds: Any) -> None:
    turn = threading.Event()
    for _ in range(3000):
        if holds():
            return
        turn.wait(0.01)
    raise AssertionError("it never came")


async def asked(client: httpx.AsyncClient, number: int) -> int:
    return (
        await client.post("/api/v1/auth/login/", json=LOGIN | {"phone_number": f"+9989012{number:05d}"})
    ).status_code


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_a_hash_keeps_nobody_else_waiting(hashes: Counted) -> None:
    """More sign-ins at once than there are threads; the rest of the service answers, and too many are sent back."""

    async def scenario() -> tuple[int, Counter[int]]:
        transport = httpx.ASGITransport(OneHop(aside=hashing.PATHS))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            signing_in = [asyncio.create_task(asked(client, n)) for n in range(handler.ASIDE_MOST + 20)]
            await asyncio.to_thread(until_true, lambda: hashes.now + hashes.done > 0)
            ready = (await client.get("/health/ready")).status_code
            hashes.go.set()
            return ready, Counter(await asyncio.gather(*signing_in))

    with mock.patch.object(Argon2PasswordHasher, "encode", hashes):
        ready, heard = asyncio.run(scenario())
    assert ready == 200
    assert heard[503] == 20
    assert hashes.most <= hashing.AT_ONCE


@pytest.mark.django_db
def test_every_route_that_hashes_is_set_aside(route_scene: Scene) -> None:
    asking = [route for route in ROUTES if route.method in {"POST", "PATCH"} and route.body is not None]
    hashed = set()
    for route in asking:
        actor = next((actor for actor in ("user", "admin", "called", "owner") if route.hears[actor] < 300), "anonymous")
        call = getattr(client_for(route_scene, actor), route.method.lower())
        with mock.patch.object(hashing._threads, "submit", wraps=hashing._threads.submit) as submit:
            call(route_scene.path(route), route.body_of(route_scene, actor), format="json")
        hashed |= {route.path} if submit.called else set()
    assert len(hashed) >= 3
    assert hashed <= hashing.PATHS
    assert all(resolve(path) for path in hashing.PATHS)
