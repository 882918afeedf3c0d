"""Who was shown an exact place, a track, a note or a contact: one row per viewer, person, way and hour.

In an emergency nobody waits for it: the rows are collected and written by a thread each second, so that a process that
is killed loses the last second's. What is looked at for a reason is written before it is shown.
"""

import atexit
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import connections
from django.utils import timezone

from mdd_backend.database import batches, prepared

from .. import sql
from ..kinds import Way
from ..models import Look, User

log = structlog.get_logger(__name__)
EVERY_S = 1.0
WAITING_MOST = 10_000
REASON_LEAST, REASON_MOST = 3, 200


class ReasonRequired(Exception):
    """They have no open event: it must be said why one looks."""


@dataclass(frozen=True)
class _Row:
    viewer: int
    person: int
    way: Way
    event: UUID | None
    reason: str

    @property
    def key(self) -> tuple[int, int, Way]:
        return self.viewer, self.person, self.way


EventsOf = Callable[[Iterable[int]], Mapping[int, UUID]]
_events_of: list[EventsOf] = []


def register(events_of: EventsOf) -> None:
    """Who knows which people have an open event, or had one a moment ago."""
    _events_of[:] = [events_of]


def look(viewer: User, people: Iterable[int], way: Way, reason: str = "") -> None:
    """`viewer` is about to be shown something of people (ids). Raises ReasonRequired, and keeps nothing then."""
    others = {pk for pk in people if pk != viewer.pk}
    events = _events_of[0](others) if others and _events_of else {}
    if others - events.keys() and not reason:
        raise ReasonRequired
    note(viewer.pk, events, way)
    _write([_Row(viewer.pk, pk, way, None, reason) for pk in sorted(others - events.keys())])


def note(viewer: int, events: Mapping[int, UUID], way: Way) -> None:
    """`viewer` is shown something of people by their open events: written within a second."""
    for person, event in events.items():
        if person != viewer:
            _writer.put(_Row(viewer, person, way, event, ""))


def has_looked(viewer: User, person: int, way: Way) -> bool:
    """Whether this hour's look is kept already."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    return Look.objects.filter(viewer=viewer, person=person, way=way, hour=hour).exists()


def forget_looks(days: int) -> int:
    """Deletes what was looked at longer ago; how many looks went."""
    return batches.forget(Look, sql.FORGET_LOOKS, days)


def flush() -> None:
    """Writes what is waiting."""
    _write(_writer.take())


def _write(rows: list[_Row]) -> None:
    if rows:
        columns = zip(*((row.viewer, row.person, row.way.value, row.event, row.reason) for row in rows), strict=True)
        prepared.rows(sql.KEEP_LOOKS, [list(column) for column in columns])


class _Writer:
    """Collects rows in the process; its thread begins with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[int, int, Way], _Row] = {}
        self._pid = 0

    def put(self, row: _Row) -> None:
        with self._lock:
            if len(self._waiting) < WAITING_MOST:
                self._waiting.setdefault(row.key, row)
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self.begin()

    def begin(self) -> None:
        threading.Thread(target=self._run, name="looks", daemon=True).start()
        atexit.register(self._try)

    def take(self) -> list[_Row]:
        with self._lock:
            rows, self._waiting = list(self._waiting.values()), {}
        return rows

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_S):
            self._try()

    def _try(self) -> None:
        rows = self.take()
        try:
            _write(rows)
        except Exception as why:  # PostgreSQL may be away: once more in a second
            log.warning("looks wait", reason=type(why).__name__)
            with self._lock:
                self._waiting = {row.key: row for row in rows} | self._waiting
        finally:
            connections.close_all()


_writer = _Writer()
