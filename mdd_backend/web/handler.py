"""Django over ASGI, with one hop between threads for a request."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import IO, Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpResponseBase
from django.urls import set_script_prefix

from ..api.errors import busy, unread

THREADS = 100  # made as they are needed; a request that waits for PostgreSQL holds one
ASIDE_THREADS, ASIDE_MOST = 4, 100


class _Aside:
    """Threads for requests to a few paths that take long, so that nobody else waits for them; so many may come."""

    def __init__(self, paths: Collection[str]) -> None:
        self.paths = paths
        self.threads = ThreadPoolExecutor(ASIDE_THREADS, "aside")
        self.under_way = 0

    @property
    def is_full(self) -> bool:
        return self.under_way >= ASIDE_MOST

    @contextmanager
    def room(self) -> Iterator[Executor]:
        self.under_way += 1
        try:
            yield self.threads
        finally:
            self.under_way -= 1


class OneHop(ASGIHandler):
    """Signals, middleware and view run after each other in one thread: all of ours are synchronous, and Django would
    make a thread for each request and hop to it and back for each of them.

    A client that goes away ends nothing: what it sent is dealt with. Requests to the paths `aside` have a few threads
    of their own; with too many of them waiting, more are told to come back.
    """

    def __init__(self, aside: Collection[str] = ()) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, "request")
        self._aside = _Aside(aside)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        respond = partial(copy_context().run, self._respond, scope, body)
        await self.send_response(await self._in_a_thread(scope["path"], respond), send)

    async def _in_a_thread(self, path: str, respond: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        loop = asyncio.get_running_loop()
        if path not in self._aside.paths:
            return await loop.run_in_executor(self._threads, respond)
        if self._aside.is_full:
            return busy()
        with self._aside.room() as threads:
            return await loop.run_in_executor(threads, respond)

    def _respond(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, _ = self.create_request(scope, body)
        response = self.get_response(request) if request is not None else unread()
        response.close()  # gives its connection back; what it says is kept
        body.close()
        return response
