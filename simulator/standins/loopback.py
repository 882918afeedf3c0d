"""A small HTTP server on loopback: what a stand-in for a provider is made of."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import uvicorn
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

KEPT_S = 240
"""Providers keep idle connections for longer than their clients do."""


class CutConnection(Exception):
    """Raised by a handler: the client gets no answer, the connection closes."""


class App(Router):
    """A table of routes, whose handlers may raise CutConnection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except CutConnection:
            _close(send)
            await disconnected(receive)


async def disconnected(receive: Receive) -> None:
    """Returns when the client has given up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _close(send: Send) -> None:
    # ASGI cannot hang up without an answer. uvicorn's `send` is a method of the object that holds the socket;
    # hypercorn's is one of a stream's, whose connection passes on what its server sends.
    there = cast(Any, send).__self__
    if hasattr(there, "transport"):
        there.transport.close()
    else:
        there.send.__self__.send.__self__.writer.transport.abort()


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes a free one. Another host than loopback's is for a container of its own."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


class Server(Protocol):
    """Serves what it was made for from the thread that runs it."""

    def run(self) -> None: ...

    def stop(self) -> None:
        """From another thread. Requests that hang on purpose do not delay the end."""


class _Plain:
    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_level="critical",
            timeout_keep_alive=KEPT_S,
            timeout_graceful_shutdown=1,
        )
        self._server, self._listener = uvicorn.Server(config), listener

    def run(self) -> None:
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True


def server(app: ASGIApp, listener: socket.socket, certificate: Path | None = None) -> Server:
    """Over plain HTTP/1.1; with a certificate over TLS, by HTTP/2 or HTTP/1.1."""
    if certificate is None:
        return _Plain(app, listener)
    from . import tls  # noqa: PLC0415 - it needs hypercorn, which only a developer's machine has

    return tls.Server(app, listener, certificate, KEPT_S)


@contextmanager
def running(app: ASGIApp, listener: socket.socket, certificate: Path | None = None) -> Iterator[None]:
    """Serves `app` from a thread of this process, as `server` does."""
    http_server = server(app, listener, certificate)
    thread = threading.Thread(target=http_server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        http_server.stop()
        thread.join()
        listener.close()
