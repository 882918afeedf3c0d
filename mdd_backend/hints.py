"""Hints: "something is due". They leave after the commit, through a bounded queue and one thread per process.

Losing a hint costs time, never data: the sweeper finds the overdue row, the feed reads its journal. So a
request never waits for Redis, and a full queue drops the hint.
"""

import os
import queue
import threading
from collections.abc import Callable

import redis
import structlog
from django.conf import settings
from django.db import transaction

from .celery import app

log = structlog.get_logger(__name__)

JOURNAL_CHANNEL = f"{settings.REDIS_PREFIX}journal"


class _Sender:
    """The thread that speaks to Redis on behalf of its process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.waiting: queue.Queue[Callable[[], object]] = queue.Queue(maxsize=1000)
        self.redis = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=settings.REDIS_TIMEOUT_S,
            socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        )
        threading.Thread(target=self._run, name="hints", daemon=True).start()

    def put(self, send: Callable[[], object]) -> None:
        try:
            self.waiting.put_nowait(send)
        except queue.Full:
            log.warning("hint dropped", reason="queue full")

    def _run(self) -> None:
        while True:
            send = self.waiting.get()
            try:
                send()
            except Exception as why:  # whatever Redis or kombu raise: a lost hint is not an error
                log.warning("hint lost", reason=type(why).__name__)


_sender: _Sender | None = None
_starting = threading.Lock()


def _the_sender() -> _Sender:
    global _sender  # noqa: PLW0603 - one per process; a forked child starts its own
    with _starting:
        if _sender is None or _sender.pid != os.getpid():
            _sender = _Sender()
        return _sender


LATER = 9
"""The priority of what may wait; Celery's queues in Redis begin with 0."""


def task(name: str, *args: int | str, can_wait: bool = False) -> None:
    """Asks a worker, after the commit, to run the Celery task `name` at once, or after all those that cannot wait."""
    priority = LATER if can_wait else 0
    transaction.on_commit(lambda: _the_sender().put(lambda: app.send_task(name, args, retry=False, priority=priority)))


def journal() -> None:
    """Tells every feed, after the commit, that the journal has grown."""
    transaction.on_commit(lambda: _the_sender().put(lambda: _the_sender().redis.publish(JOURNAL_CHANNEL, b"")))
