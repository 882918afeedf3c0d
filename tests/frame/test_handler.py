"""Django over ASGI: one thread deals with a request from its first signal to its last, whatever its client does."""

import asyncio
import json
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection
from rest_framework_simplejwt.tokens import AccessToken

from apps.sos.models import SosEvent
from mdd_backend.web.handler import OneHop


async def _asked(
    path: str, *, body: bytes = b"", authorization: str = "", gone: bool = False, query: bytes = b""
) -> list[dict[str, Any]]:
    """What the handler sends; `gone`: to a client that closes its connection when it has said all."""
    scope: dict[str, Any] = {
        "type": "http", "method": "POST" if body else "GET", "path": path, "query_string": query, "scheme": "http",
        "server": ("testserver", 80), "client": ("127.0.0.1", 1), "http_version": "1.1", "asgi": {"version": "3.0"},
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()), (b"authorization", authorization.encode())],
    }  # fmt: skip
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        if not gone:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await OneHop()(scope, receive, send)
    return sent


@pytest.mark.django_db(transaction=True)
def test_one_thread_does_it_all_and_gives_its_connection_back() -> None:
    seen: list[tuple[str, int, bool]] = []

    def note(signal: Any, **_: Any) -> None:
        name = "began" if signal is request_started else "ended"
        seen.append((name, threading.get_ident(), connection.connection is None))

    for signal in (request_started, request_finished):
        signal.connect(note)
    try:
        start, content = asyncio.run(_asked("/health/ready"))
    finally:
        for signal in (request_started, request_finished):
            signal.disconnect(note)
    assert (start["status"], content["more_body"]) == (200, False)
    (_, first, _), (_, last, is_back) = seen
    assert (first == last != threading.get_ident(), is_back) == (True, True)


def test_query_that_is_not_utf_8_is_refused_in_json() -> None:
    start, content = asyncio.run(_asked("/api/v1/sos/", query=b"page=\xff"))
    assert (start["status"], json.loads(content["body"])["code"]) == (400, "bad_request")
    assert (b"Content-Type", b"application/json") in start["headers"]


@pytest.mark.django_db(transaction=True)
def test_a_signal_whose_sender_is_gone_is_dealt_with_all_the_same(wearer: Any) -> None:
    token = AccessToken.for_user(wearer)
    asyncio.run(_asked("/api/v1/sos/trigger/", body=b"{}", authorization=f"Bearer {token}", gone=True))
    assert SosEvent.objects.get().user == wearer


def test_nobody_answers_a_client_that_left_before_it_had_said_all() -> None:
    async def asked() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await OneHop()({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)
        return sent

    assert asyncio.run(asked()) == []


@pytest.mark.parametrize("module", ["mdd_backend.asgi", "mdd_backend.celery", "mdd_backend.urls"])
def test_what_a_process_begins_with_can_be_imported_first(module: str) -> None:
    """Whatever the tests have imported before: DRF loads our parsers while it is being imported itself."""
    begin = f"import django; django.setup() if {module!r} != 'mdd_backend.asgi' else None; import {module}"
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
