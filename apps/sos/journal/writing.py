"""The journal: what happened, in one order without a late-coming entry, so that readers go on from a position."""

import json
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from apps.users.models import User
from mdd_backend import hints
from mdd_backend.database import prepared

from .. import sql
from ..kinds import JournalKind
from ..locks import JOURNAL
from ..models import SosEvent
from .entries import DATA, Data

NOTHING = Data()


@dataclass(frozen=True)
class Entry:
    """One thing that happened. event_id: None for what concerns no event. status: the event's, once it had happened."""

    event_id: int | None
    kind: JournalKind
    actor_id: int | None = None
    data: Data = NOTHING
    status: str = ""

    def __post_init__(self) -> None:
        assert type(self.data) is DATA.get(self.kind, Data), f"{self.kind} does not hold {self.data}"  # noqa: S101

    def as_json(self) -> dict[str, Any]:
        """As `sql.WRITE` takes it."""
        return vars(self) | {"data": self.data.as_json()}


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
    prepared.rows(sql.WRITE, [JOURNAL, json.dumps([entry.as_json() for entry in entries])])
    hints.journal()
