"""Keeps connections busy with requests, in a process of its own: it shares the machine with what it measures, so one
request must cost it little, and the process is kept: the start of one beside another's would be measured too."""

import asyncio
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

LOST = 0  # the status of a request whose connection ended without an answer
_processes = ProcessPoolExecutor(2, get_context("spawn"))
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Answers:
    """What was heard: how many of each status, how long each took, in seconds, and one that was no success."""

    statuses: Counter[int] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    seconds: float = 0
    odd: str = ""

    @property
    def per_second(self) -> float:
        return self.statuses.total() / self.seconds

    def share_ms(self, share: float) -> float:
        """Milliseconds within which that share of the requests was answered, such as 0.5 or 0.99."""
        return sorted(self.took_s)[int(len(self.took_s) * share)] * 1000

    def note(self, answer: bytes, took_s: float) -> None:
        status = int(answer[9:12] or LOST)
        self.statuses[status] += 1
        self.took_s.append(took_s)
        if not 200 <= status < 300 and not self.odd:
            self.odd = answer.decode("latin-1")


def post(path: str, token: str, body: dict[str, Any]) -> bytes:
    text = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def load(
    url: str, requests: Sequence[bytes], connections: int, *, seconds: float | None = None, count: int | None = None
) -> Answers:
    """Sends the requests in their order, again and again, for so many seconds or so many times; each connection one at
    a time."""
    port = urlsplit(url).port or 80
    return _processes.submit(_load, port, requests, connections, seconds, count).result()


def _load(port: int, requests: Sequence[bytes], connections: int, seconds: float | None, count: int | None) -> Answers:
    return uvloop.run(_send_all(port, requests, connections, seconds, count))


async def _send_all(
    port: int, requests: Sequence[bytes], connections: int, seconds: float | None, count: int | None
) -> Answers:
    loop, answers = asyncio.get_running_loop(), Answers()
    opened = [await loop.create_connection(lambda: _Connection(answers), "127.0.0.1", port) for _ in range(connections)]
    began = time.perf_counter()
    jobs: Iterator[bytes] = itertools.islice(itertools.cycle(requests), count)
    if seconds is not None:
        jobs = itertools.takewhile(lambda _: time.perf_counter() < began + seconds, jobs)
    for _, connection in opened:
        connection.start(jobs)
    await asyncio.gather(*(connection.over for _, connection in opened))
    answers.seconds = time.perf_counter() - began
    return answers


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Answers) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers, self._answer, self._is_waiting = answers, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only

    def start(self, jobs: Iterator[bytes]) -> None:
        self._jobs = jobs
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, _, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length and len(body) >= int(length[1]):
            self._note()
            self._send_next()

    def connection_lost(self, _: Exception | None) -> None:
        if self._is_waiting:
            self._note()
        self.over.set_result(None)

    def _send_next(self) -> None:
        request = next(self._jobs, None)
        if request is None:
            self._transport.close()
            return
        self._answer, self._is_waiting, self._sent_at = b"", True, time.perf_counter()
        self._transport.write(request)

    def _note(self) -> None:
        self._is_waiting = False
        self._answers.note(self._answer, time.perf_counter() - self._sent_at)
