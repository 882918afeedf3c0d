"""A small HTTP server on loopback: what a stand-in for a provider is made of."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.routing import Router
from starlette.types import Receive, Scope, Send


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
    # ASGI cannot hang up without an answer; uvicorn's `send` is a method of the object that holds the socket.
    cast(Any, send).__self__.transport.close()


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes a free one. Another host than loopback's is for a container of its own."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


def server(app: App) -> uvicorn.Server:
    config = uvicorn.Config(app, lifespan="off", ws="none", log_level="critical", timeout_graceful_shutdown=1)
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
