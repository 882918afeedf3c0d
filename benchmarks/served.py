"""The application in processes of its own: a server, a Redis and a database that go when the measurement is over."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg

from launcher import finding
from launcher.places import PROJECT

LOOPBACK = "127.0.0.1"


@contextmanager
def served(name: str) -> Iterator[str]:
    """Its address. The environment of this process is then the server's too: Django may be set up in it.

    The database is `name` beside the one in DATABASE_URL.
    """
    with _own_database(name) as database_url, TemporaryDirectory(prefix="mdd-bench-") as folder:
        redis_port, port = _free_port(), _free_port()
        url = f"http://{LOOPBACK}:{port}"
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "mdd_backend.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://{LOOPBACK}:{redis_port}/0",
            "STATIC_ROOT": f"{folder}/static",
            "PUBLIC_URL": url,
        }
        redis = [str(finding.redis(Path(folder))), "--port", str(redis_port), "--save", "", "--dir", folder]
        uvicorn = ["-m", "uvicorn", "mdd_backend.asgi:application", "--port", str(port), "--log-level", "warning"]
        for command in ("migrate", "collectstatic"):
            subprocess.run([sys.executable, "manage.py", command, "--no-input", "-v0"], cwd=PROJECT, check=True)
        with _running(redis, redis_port), _running([sys.executable, *uvicorn], port):
            yield url


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
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, patience_s: float = 30) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])
