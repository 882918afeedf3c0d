"""The journal: what happened, in one order without a late-coming entry, so that readers go on from a position."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from apps.users.models import User
from mdd_backend import hints

from .locks import hold_journal
from .models import JournalEntry, JournalKind, SosEvent

SEQUENCE = "sos_journal_position"


@dataclass(frozen=True)
class Entry:
    event_id: int | None
    kind: JournalKind
    actor_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    status: str = ""


def tell(event: SosEvent, *entries: Entry) -> None:
    """Writes entries of one event, each with the status it has come to."""
    write(*(replace(entry, status=event.status) for entry in entries))


def by(entry: Entry, actor: User) -> Entry:
    """The same entry, as somebody's doing."""
    return replace(entry, actor_id=actor.pk)


def write(*entries: Entry) -> None:
    """Adds entries as the LAST step of the caller's transaction: until it commits, everybody else who writes waits.

    Whoever reads after position P has seen every entry up to P, since positions are given under the lock.
    """
    if not entries:
        return
    assert connection.in_atomic_block, "outside a transaction the lock would end before the entries are there"  # noqa: S101
    hold_journal()
    rows = zip(_positions(len(entries)), entries, strict=True)
    JournalEntry.objects.bulk_create(
        JournalEntry(
            position=position,
            event_id=entry.event_id,
            kind=entry.kind,
            status=entry.status,
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
