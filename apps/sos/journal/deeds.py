"""What people do to accounts, devices and the policy, each with who did it."""

from typing import Any

from django.db.models import QuerySet

from apps.users.kinds import Deed
from apps.users.models import User

from ..kinds import DEEDS, JournalKind
from ..models import JournalEntry
from .entries import DeedDone
from .writing import Entry, write


def keep_deed(kind: Deed, actor: User | None, facts: dict[str, Any], **_: object) -> None:
    """Writes a deed of another app into the journal, as the last step of its transaction."""
    write(Entry(None, JournalKind(kind.value), actor.pk if actor else None, DeedDone(**facts)))


def deeds() -> QuerySet[JournalEntry]:
    """All of them, the newest first."""
    return JournalEntry.objects.filter(event=None, kind__in=DEEDS).order_by("-position")
