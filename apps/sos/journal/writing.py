"""The journal: what happened, in one order without a late-coming entry, so that readers go on from a position."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection

from apps.users.models import User
from mdd_backend import hints, prepared

from ..locks import JOURNAL
from ..models import JournalKind, SosEvent

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
    prepared.rows(_WRITE, [JOURNAL, json.dumps([vars(entry) for entry in entries])])
    hints.journal()


# The lock is held before the first position is taken: the one row of `held` comes before any row that joins it.
_WRITE = f"""
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(%s))
INSERT INTO sos_journalentry (position, event_id, kind, status, at, actor_id, data)
SELECT nextval('{SEQUENCE}'), event_id, kind, status, clock_timestamp(), actor_id, data
FROM held CROSS JOIN jsonb_to_recordset(%s::jsonb)
     AS entry (event_id bigint, kind text, status text, actor_id bigint, data jsonb)
"""
