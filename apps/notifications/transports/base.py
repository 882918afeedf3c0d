"""What a transport is given, what it gives back, and where it runs."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Message:
    """One message to one address: `data` for an app, which has the words, or `text` for a phone as such.

    `data` holds texts only and nothing personal.
    """

    address: str
    lifetime_s: int
    platform: str = ""
    data: dict[str, str] = field(default_factory=dict)
    text: str = ""


class TransportError(Exception):
    """The provider did not take the message.

    permanent: trying again cannot help. retry_after_s: not before so many seconds. dead_address: forget it.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        dead_address: bool = False,
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent or dead_address
        self.retry_after_s = retry_after_s
        self.dead_address = dead_address


class Transport(Protocol):
    async def prepare(self) -> None:
        """Does what the first message would otherwise wait for. Raises TransportError."""

    async def send(self, message: Message) -> str:
        """Hands one message to the provider; returns the provider's name for it. Raises TransportError."""


class _Loop:
    """One event loop per process, in a thread of its own: it owns the connections to the providers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="transports", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)


loop = _Loop()
