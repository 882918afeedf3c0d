"""What a transport is given, what it gives back, and where it runs."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import aiohttp

from .connections import Answer


@dataclass(frozen=True)
class Message:
    """One message to one address: `data` for an app, which has the words, or `text` for a phone as such.

    `data` holds texts only and nothing personal. `status_url`: where the provider may report what became of it.
    `id`: our name for it, the same at each try.
    """

    address: str
    lifetime_s: int
    platform: str = ""
    data: dict[str, str] = field(default_factory=dict)
    text: str = ""
    status_url: str = ""
    id: str = ""


@dataclass(frozen=True)
class Reports:
    """How a provider says later, at a message's `status_url`, what became of it: in which field, in which words.

    Words are compared in capitals; any other means that the message is still on its way.
    """

    field: str
    arrived: frozenset[str]
    failed: frozenset[str]


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
    """One provider of one channel; it knows no model and writes no log."""

    async def prepare(self) -> None:
        """Does what the first message would otherwise wait for. Raises TransportError."""

    async def send(self, message: Message) -> str:
        """Hands one message to the provider; returns the provider's name for it. Raises TransportError."""


def retry_after_s(answer: Answer) -> float | None:
    """Retry-After in seconds, whichever of its two forms it has (RFC 9110, 10.2.3)."""
    raw = answer.headers.get("Retry-After", "").strip()
    if raw.isdecimal():
        return float(raw)
    try:
        return max(0.0, float((parsedate_to_datetime(raw) - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError):
        return None


async def answered(work: Coroutine[Any, Any, str], most_s: float) -> str:
    """What `work` gives within `most_s` seconds. Raises TransportError, also for whatever aiohttp may raise.

    The limit is on the whole of it: a provider that dribbles must not hold a lease past its end.
    """
    try:
        async with asyncio.timeout(most_s):
            return await work
    except TimeoutError:
        raise TransportError("no answer in time") from None
    except (aiohttp.ClientError, OSError) as why:
        raise TransportError(f"no answer: {type(why).__name__}") from None
    except (KeyError, TypeError, ValueError):
        raise TransportError("unreadable answer") from None


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
