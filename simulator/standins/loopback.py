"""A small HTTP server on loopback: what a stand-in for a provider is made of."""

import json
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    path: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    receive: Receive = field(repr=False)

    async def disconnected(self) -> None:
        """Returns when the client has given up."""
        await _disconnected(self.receive)


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class CutConnection(Exception):
    """Raised by a handler: the client gets no answer, the connection closes."""


Handler = Callable[[Request], Awaitable[Answer]]


class App:
    """An ASGI application: a table of routes, JSON out."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def route(self, method: str, path: str, handler: Handler) -> None:
        """`{name}` in the path stands for one segment, given to the handler in `request.path`."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+?)", path)
        self._routes.append((method, re.compile(pattern), handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except CutConnection:
            _close(send)
            await _disconnected(receive)
        else:
            await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        for method, pattern, handler in self._routes:
            if method == scope["method"] and (match := pattern.fullmatch(scope["path"])):
                return await handler(await _read(scope, receive, match.groupdict()))
        return Answer(404, {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}})


async def _read(scope: Scope, receive: Receive, path: dict[str, str]) -> Request:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode()))
    return Request(path=path, query=query, headers=headers, body=body, receive=receive)


async def _send(send: Send, answer: Answer) -> None:
    body = json.dumps(answer.body).encode()
    headers = {
        "content-type": "application/json; charset=UTF-8",
        "content-length": str(len(body)),
        **answer.headers,
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _close(send: Send) -> None:
    # ASGI cannot hang up without an answer; uvicorn's `send` is a method of the object that holds the socket.
    cast(Any, send).__self__.transport.close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes a free one. Another host than loopback's is for a container of its own."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def server(app: App) -> uvicorn.Server:
    config = uvicorn.Config(
        cast(Any, app), lifespan="off", ws="none", log_level="critical", timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)


@contextmanager
def running(app: App, listener: socket.socket) -> Iterator[None]:
    """Serves `app` from a thread of this process."""
    http_server = server(app)
    thread = threading.Thread(target=http_server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Requests that hang on purpose must not delay the end.
        http_server.should_exit = http_server.force_exit = True
        thread.join()
        listener.close()
