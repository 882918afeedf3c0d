"""Django over ASGI, with one hop between threads for a request."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import IO, Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpResponseBase
from django.urls import set_script_prefix

THREADS = 100  # made as they are needed; a request that waits for PostgreSQL holds one


class OneHop(ASGIHandler):
    """Signals, middleware and view run after each other in one thread: all of ours are synchronous, and Django would
    make a thread for each request and hop to it and back for each of them.

    A client that goes away ends nothing: what it sent is dealt with.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, "request")

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        respond = partial(copy_context().run, self._respond, scope, body)
        response = await asyncio.get_running_loop().run_in_executor(self._threads, respond)
        await self.send_response(response, send)

    def _respond(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response = self.get_response(request) if request is not None else refusal
        assert response is not None  # noqa: S101 - one of the two is given
        response.close()  # gives its connection back; what it says is kept
        body.close()
        return response
