"""The journal: what happened, in one order without a late-coming entry, so that readers go on from a position."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from mdd_backend import hints

from .locks import hold_journal
from .models import JournalEntry, JournalKind

SEQUENCE = "sos_journal_position"


@dataclass(frozen=True)
class Entry:
    event_id: int | None
    kind: JournalKind
    actor_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def write(*entries: Entry) -> None:
    """Adds entries as the LAST step of the caller's transaction: until it commits, everybody else who writes waits.

    Whoever reads after position P has seen every entry up to P, since positions are given under the lock.
    """
    hold_journal()
    rows = zip(_positions(len(entries)), entries, strict=True)
    JournalEntry.objects.bulk_create(
        JournalEntry(
            position=position,
            event_id=entry.event_id,
            kind=entry.kind,
            at=Now(),
            actor_id=entry.actor_id,
            data=entry.data,
        )
        for position, entry in rows
    )
    hints.journal()


def _positions(count: int) -> Iterable[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT nextval('{SEQUENCE}') FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]
