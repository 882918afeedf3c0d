"""The sweeper: does by itself, each second, whatever is due and was not done. Needs PostgreSQL, never Redis."""

import threading
import time
from collections.abc import Callable

import structlog
from django.db import connections

from apps.notifications.models import Channel
from apps.notifications.rules.delivery import deliver_due
from mdd_backend.database import statistics

from . import claims
from .rules.due_step import take_due_steps

log = structlog.get_logger(__name__)
EVERY_S = 1.0
AUDIT_EVERY_S = 60.0
_others: list[Callable[[], object]] = []


def also(job: Callable[[], object]) -> None:
    """Every sweep does `job` too, each second in a thread of its own; `monitoring` registers what it looks after."""
    if job not in _others:
        _others.append(job)


def run(stop: threading.Event) -> None:
    """Sweeps until `stop`. Each channel has a thread of its own: a provider that hangs delays no wave."""
    jobs: list[Callable[[], object]] = [take_due_steps, statistics.refresh]
    jobs += [lambda channel=channel: deliver_due(channel) for channel in Channel.values]  # type: ignore[misc]
    threads = [threading.Thread(target=_repeat, args=(job, stop), daemon=True) for job in (*jobs, *_others)]
    threads += [threading.Thread(target=_repeat, args=(claims.audit, stop, AUDIT_EVERY_S), daemon=True)]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(timeout=5)


def _repeat(job: Callable[[], object], stop: threading.Event, every_s: float = EVERY_S) -> None:
    while not stop.is_set():
        started = time.monotonic()
        try:
            job()
        except Exception as why:  # PostgreSQL may be away: come back in a second
            log.warning("sweep failed", reason=type(why).__name__)
        connections.close_all()
        stop.wait(max(0.0, every_s - (time.monotonic() - started)))
