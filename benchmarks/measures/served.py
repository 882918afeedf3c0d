"""The service in processes of its own, with a Redis and a database that go when the measurement is over."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg

from launcher.machine import finding
from launcher.places import PROJECT

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    """What runs: `url` answers HTTP and WebSockets; the processes by name, for whoever looks at their memory."""

    url: str
    database_url: str
    redis_url: str
    processes: dict[str, subprocess.Popen[bytes]]


@contextmanager
def served(
    name: str, *, workers: int = 1, calls: int = 0, settings: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """The service with `workers` web processes; `calls`: so many Celery workers and sweeps, which call helpers.

    The environment of this process is then the service's: Django may be set up in it. The database is `name` beside the
    one in DATABASE_URL. `settings` are environment variables.
    """
    with _own_database(name) as database_url, TemporaryDirectory(prefix="mdd-bench-") as folder, ExitStack() as stack:
        redis_port, port = free_port(), free_port()
        url, redis_url = f"http://{LOOPBACK}:{port}", f"redis://{LOOPBACK}:{redis_port}/0"
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "mdd_backend.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STATIC_ROOT": f"{folder}/static",
            "PUBLIC_URL": url,
        } | dict(settings or {})
        for command in ("migrate", "collectstatic"):
            subprocess.run([sys.executable, "manage.py", command, "--no-input", "-v0"], cwd=PROJECT, check=True)
        processes = {
            process_name: stack.enter_context(running(command))
            for process_name, command in _commands(folder, redis_port, port, workers, calls).items()
        }
        for awaited in (redis_port, port):
            wait_for(awaited)
        yield Service(url, database_url, redis_url, processes)


def _commands(folder: str, redis_port: int, port: int, workers: int, calls: int) -> dict[str, list[str]]:
    """As the launcher starts them (launcher/private/instance.py)."""
    redis = [str(finding.redis(Path(folder))), "--port", str(redis_port), "--save", "", "--dir", folder]
    worker = ["celery", "-A", "mdd_backend", "worker", "--pool", "threads", "--concurrency", "16"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    commands = {"redis": redis, "web": _web("mdd_backend", port, workers)}
    for number in range(1, calls + 1):
        suffix = f" {number}" if number > 1 else ""
        commands[f"worker{suffix}"] = [sys.executable, "-m", *worker, "--hostname", f"bench-{number}@%h"]
        commands[f"sweep{suffix}"] = [sys.executable, "manage.py", "sweep"]
    return commands


def _web(package: str, port: int, workers: int) -> list[str]:
    uvicorn = ["uvicorn", f"{package}.asgi:application", "--port", str(port), "--log-level", "warning"]
    return [sys.executable, "-m", *uvicorn, "--no-access-log", "--workers", str(workers)]


@contextmanager
def more_web(service: Service, workers: int, package: str = "mdd_backend") -> Iterator[Service]:
    """The same service at another address: so many more web processes, of `package`, which has settings and asgi."""
    port = free_port()
    with running(_web(package, port, workers), DJANGO_SETTINGS_MODULE=f"{package}.settings"):
        wait_for(port)
        yield replace(service, url=f"http://{LOOPBACK}:{port}")


@contextmanager
def _own_database(name: str) -> Iterator[str]:
    parts = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(urlunsplit(parts), autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, env=os.environ | environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, patience_s: float = 30) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
