"""What the processes write to their logs and to Sentry: every request, and the key of none."""

import gzip
import re
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import yaml

from apps.notifications.rules.receipts import receipt_url, status_url
from apps.sos.queries.live import live_url
from launcher.machine.ports import LOOPBACK, free_port
from launcher.places import PROJECT
from mdd_backend.logs import without_keys
from tests.faults.instance import until
from tests.nginx.conftest import database_url
from tests.nginx.proxy import Process

KEYS = {
    "/api/v1/notifications/receipts/": urlsplit(receipt_url(uuid4())).path.split("/")[-2],
    "/api/v1/notifications/eskiz/": urlsplit(status_url(uuid4(), "eskiz")).path.split("/")[-2],
    "/live/": urlsplit(live_url(uuid4(), 1)).path.split("/")[-2],
    "/console/link/": "0123456789abcdefghijklmnopqrstuv",
}
SPELLINGS = ["{path}{key}/", "{path}{key}", "{path}/{key}/", "{path}{key}/more/", "/{path}{key}/", "{path}{key}x/?a=b"]


def development_command(port: int) -> list[str]:
    """The web process of docker-compose.yml, which logs each request, without its reloader."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    words = shlex.split(compose["services"]["web"]["command"].partition(" --reload")[0])
    changes = {"0.0.0.0": LOOPBACK, "8000": str(port)}  # noqa: S104 - what is replaced
    return [sys.executable, "-m", *(changes.get(word, word) for word in words)]


@pytest.fixture
def reports() -> Iterator[tuple[str, list[str]]]:
    """A stand-in for Sentry: its DSN, and what it was sent."""
    taken: list[str] = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to say."""

    with ThreadingHTTPServer((LOOPBACK, 0), Sentry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://key@{LOOPBACK}:{server.server_port}/1", taken
        server.shutdown()


@pytest.fixture
def web(tmp_path: Path, transactional_db: None) -> Iterator[Any]:
    """Starts the web process, with further settings; stopped when the test is over."""
    started: list[Process] = []

    def start(**environment: str) -> Process:
        port = free_port()
        known = {"DATABASE_URL": database_url(), "DEBUG": "false", "SMS_TRANSPORT": "", **environment}
        started.append(Process(development_command(port), port, tmp_path / "web.log", known))
        started[-1].start()
        return started[-1]

    yield start
    for process in started:
        process.stop()


def ask_with_keys(process: Process) -> list[str]:
    """Sends a request of each kind with a key in its path; returns the paths."""
    paths = [spelling.format(path=path, key=key) for path, key in KEYS.items() for spelling in SPELLINGS]
    with httpx.Client(base_url=f"http://{LOOPBACK}:{process.port}", trust_env=False) as client:
        for path in paths:
            for method in ("GET", "POST", "PUT"):
                client.request(method, f"{client.base_url}{path}", headers={"Referer": f"http://localhost{path}"})
    return paths


def test_web_process_logs_every_request_and_no_key(web: Any) -> None:
    process = web()
    paths = ask_with_keys(process)
    until(lambda: process.log.read_text().count("PUT ") >= len(paths), "every request is in the log")
    said = process.log.read_text()
    for path, key in KEYS.items():
        assert f"{path}..." in said
        assert key[:16] not in said
    assert "Not Found: /live/.../" in said


def test_failures_are_logged_and_reported_without_keys(web: Any, reports: tuple[str, list[str]]) -> None:
    dsn, taken = reports
    empty = re.sub(r"/[^/]+$", "/postgres", database_url())
    process = web(SENTRY_DSN=dsn, DATABASE_URL=empty)
    ask_with_keys(process)
    until(lambda: any("/live/..." in body for body in taken), "a failed look at the live page is reported")
    until(lambda: any("/receipts/..." in body for body in taken), "a failed receipt is reported")
    process.stop()
    said = process.log.read_text() + "".join(taken)
    assert "ProgrammingError" in process.log.read_text()
    assert [said[max(0, said.index(key[:16]) - 60) :][:120] for key in KEYS.values() if key[:16] in said] == []


@pytest.mark.parametrize("text", ["/alive/tale/", "GET /live/ HTTP/1.1", "/console/events/", "/api/v1/notifications/"])
def test_what_is_no_key_stays(text: str) -> None:
    assert without_keys(text) == text
