"""An app over TLS, by HTTP/2 or HTTP/1.1 as the client wishes."""

import asyncio
from pathlib import Path
from socket import socket
from typing import Any, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Server:
    """Serves `app` from `listener` until it is stopped. `certificate`: a file with the key too."""

    def __init__(self, app: ASGIApp, listener: socket, certificate: Path, kept_s: float) -> None:
        self._app, self._config = app, Config()
        self._config.bind = [f"fd://{listener.detach()}"]
        self._config.certfile = self._config.keyfile = str(certificate)
        self._config.errorlog = None
        self._config.keep_alive_timeout = kept_s
        self._config.keep_alive_max_requests = 1_000_000  # a thousand of them would end an HTTP/2 connection
        self._loop, self._over = asyncio.new_event_loop(), asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self) -> None:
        """Requests that hang on purpose are cut: the runner cancels whatever goes on when this has ended."""
        over = asyncio.create_task(self._over.wait())
        serving = asyncio.create_task(serve(cast(Any, self._ask), self._config, shutdown_trigger=asyncio.Event().wait))
        await asyncio.wait({serving, over}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        self._loop.set_exception_handler(lambda *_: None)  # asyncio would log each connection that is cut

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Asks the app once all of a request has come: hypercorn ends an HTTP/2 connection that is answered sooner."""
        if scope["type"] == "lifespan":
            raise NotImplementedError  # an app need not know of it
        come = [await receive()]
        while come[-1].get("more_body"):
            come.append(await receive())

        async def again() -> Message:
            return come.pop(0) if come else await receive()

        await self._app(scope, again, send)
