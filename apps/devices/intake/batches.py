"""Micro-batching: what arrives while one batch is being written becomes the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog
from django.db import InterfaceError, OperationalError

from ..rules.recording import Report

log = structlog.get_logger(__name__)
T = TypeVar("T")
Write = Callable[[Sequence[Report]], Awaitable[Sequence[T | None]]]


class Overloaded(Exception):
    """More is waiting to be written than may wait."""


class Batches(Generic[T]):
    """Gathers reports for `write`, at most `together` fixes in one transaction; each is answered after its commit.

    Nothing waits for company: with nothing to do a report is written at once. `at_once` batches are on their way at a
    time, and `waiting` fixes may wait for them.
    """

    def __init__(self, write: Write[T], *, at_once: int = 2, together: int = 1000, waiting: int = 10_000) -> None:
        self._write, self._at_once, self._together, self._waiting_most = write, at_once, together, waiting
        self._waiting: deque[tuple[Report, asyncio.Future[T | None]]] = deque()
        self._waiting_fixes = 0
        self._writers: set[object] = set()  # tasks, which asyncio itself does not hold

    async def record(self, report: Report) -> T | None:
        """What became of the report, once it is on disk; None when it is not to be recorded as it is.

        Raises Overloaded; OperationalError and InterfaceError when PostgreSQL cannot be reached.
        """
        if self._waiting_fixes + _size(report) > self._waiting_most:
            raise Overloaded
        done: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, done))
        self._waiting_fixes += _size(report)
        if len(self._writers) < self._at_once:
            self._writers.add(asyncio.create_task(self._write_on()))
        return await done

    async def _write_on(self) -> None:
        """Until nothing waits, which is found and noted in one step: what is waiting next needs another writer."""
        try:
            while self._waiting:
                await self._write_some()
        finally:
            self._writers.discard(asyncio.current_task())

    async def _write_some(self) -> None:
        batch = self._take()
        try:
            recorded = await self._written([report for report, _ in batch])
        except (OperationalError, InterfaceError) as why:
            for _, done in batch:
                if not done.done():
                    done.set_exception(why)
        else:
            for (_, done), result in zip(batch, recorded, strict=True):
                if not done.done():
                    done.set_result(result)

    def _take(self) -> list[tuple[Report, asyncio.Future[T | None]]]:
        """At least one, of whatever size."""
        batch, size = [self._waiting.popleft()], 0
        size = _size(batch[0][0])
        while self._waiting and size + _size(self._waiting[0][0]) <= self._together:
            batch.append(self._waiting.popleft())
            size += _size(batch[-1][0])
        self._waiting_fixes -= size
        return batch

    async def _written(self, reports: list[Report]) -> Sequence[T | None]:
        """When PostgreSQL refuses something in the batch, each is tried alone: one must not fail its neighbours."""
        try:
            return await self._write(reports)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(reports) == 1:
                log.exception("report not recorded", device_uid=reports[0].device_uid)
                return [None]
        return [(await self._written([report]))[0] for report in reports]


def _size(report: Report) -> int:
    """A report without fixes, which only asks who calls, takes the room of one."""
    return max(1, len(report.fixes))
