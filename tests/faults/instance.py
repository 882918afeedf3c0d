"""A real instance, started by the launcher itself, and ways to hurt it."""

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from launcher.places import Home
from launcher.private import supervision
from simulator.standins.fcm import Control

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `condition`. Raises AssertionError after `patience_s` seconds."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {patience_s:.0f} s: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Instance:
    """Web, worker, beat, sweep, PostgreSQL, Redis and a stand-in Firebase, each a process of its own."""

    def __init__(self, home: Path) -> None:
        ours = {"MDD_HOME": str(home), "MDD_PORT": str(free_port()), "FCM_TIMEOUT_S": "3", "LOG_LEVEL": "INFO"}
        foreign = (
            "DATABASE_URL",
            "REDIS_URL",
            "REDIS_PREFIX",
            "PUBLIC_URL",
            "FCM_ENDPOINT",
            "FCM_SERVICE_ACCOUNT_JSON",
        )
        self.environment = {k: v for k, v in os.environ.items() if k not in foreign} | ours
        self.home = home

    def mdd(self, *arguments: str) -> str:
        done = subprocess.run(
            [ROOT / "mdd", *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, f"./mdd {' '.join(arguments)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def start(self) -> None:
        self.mdd("up", "--detach", "--with-fcm")
        facts = self.status()
        self.url, self.fcm = facts["url"], Control(facts["fcm_url"])
        self.database_url, self.redis_url = facts["database_url"], facts["redis_url"]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.mdd("status", "--json"))
        return found

    def pid(self, name: str) -> int | None:
        return supervision.pids(Home(self.home)).get(name)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends a process, with -9 unless said otherwise, then waits until another one runs in its place."""
        victim = self.pid(name)
        assert victim, f"{name} is not running"
        os.kill(victim, how)
        until(lambda: self.pid(name) not in {None, victim}, f"{name} runs again")

    def another(self, name: str) -> "subprocess.Popen[bytes]":
        """A second process beside the one of that name, started as that was: two must be as good as one."""
        first = Path(f"/proc/{self.pid(name)}")
        command = [word.decode() for word in (first / "cmdline").read_bytes().split(b"\0")[:-1]]
        words = (word.decode().partition("=") for word in (first / "environ").read_bytes().split(b"\0"))
        environment = {key: value for key, _, value in words if key}
        with self._words_of_second(name).open("wb") as words:
            return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=words, stderr=words)

    def last_words_of_second(self, name: str) -> str:
        """The end of what `another` of that name has said."""
        return self._words_of_second(name).read_text(errors="replace")[-3000:]

    def _words_of_second(self, name: str) -> Path:
        return self.home / f"second-{name}.log"

    def stop_for(self, name: str, seconds: float) -> None:
        """SIGSTOP: there, and silent."""
        pid = self.pid(name)
        assert pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def wipe_redis(self) -> None:
        def flushed() -> bool:
            try:
                return bool(redis.Redis.from_url(self.redis_url, socket_timeout=2).flushall())
            except redis.RedisError:
                return False

        until(flushed, "Redis answers")

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def last_words(self) -> str:
        """The end of every process's log, for who must find out what went wrong."""
        logs = sorted((self.home / "log").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql, values).fetchall()

    def count(self, sql: str, *values: Any) -> int:
        return int(self.rows(sql, *values)[0][0])


@contextmanager
def running(home: Path) -> Iterator[Instance]:
    instance = Instance(home)
    try:
        instance.start()
        yield instance
    finally:
        instance.mdd("down")


def shuffled(seed: int, things: list[Any]) -> list[Any]:
    return random.Random(seed).sample(things, len(things))
