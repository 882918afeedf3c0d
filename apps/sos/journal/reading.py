"""The journal of an event as it is read: for whom which entries are, and whom they name."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from apps.users.models import User
from mdd_backend.database import prepared

from .. import sql
from ..kinds import JournalKind
from ..models import JournalEntry, SosEvent
from .entries import Holds, holds

_WEARERS = Q(kind__startswith="EVENT_") | Q(kind__startswith="HELPER_") | Q(
    kind__in=[
        JournalKind.SIGNAL_MERGED, JournalKind.WAVE_CALLED, JournalKind.WEARER_FINE, JournalKind.HANDED_OVER,
        JournalKind.CONTACTS_ALARMED,
    ]
)  # fmt: skip


def people_in(entry: JournalEntry) -> set[int]:
    """The ids of everybody whom an entry names, but its actor; of a shape it should not have, nobody's."""
    return {pk for name in entry.data for pk in ids_in(entry, name)} if isinstance(entry.data, dict) else set()


def ids_in(entry: JournalEntry, name: str) -> set[int]:
    """The ids of people in one field of an entry's data."""
    how, value = holds(entry.kind).get(name), entry.data[name]
    if how in {Holds.PEOPLE, Holds.BY_PERSON} and isinstance(value, dict | list):
        named = list(map(str, value))
    else:
        named = [str(value)] if how == Holds.PERSON else []
    return {int(pk) for pk in named if pk.isdecimal() and len(pk) < 19}


def with_names(entry: JournalEntry, names: Mapping[int, str]) -> dict[str, Any]:
    """An entry's data with accounts' uuids in place of their ids, which stay inside; of contacts, how many."""
    how = holds(entry.kind)
    return {name: _named(how.get(name), value, names) for name, value in entry.data.items()}


def _named(how: Holds | None, value: Any, names: Mapping[int, str]) -> Any:
    match how:
        case Holds.BY_PERSON:
            return {names[int(pk)]: what for pk, what in value.items() if int(pk) in names}
        case Holds.PEOPLE:
            return [names[pk] for pk in value if pk in names]
        case Holds.PERSON:
            return names.get(value)
        case Holds.CONTACTS:
            return len(value)
    return value


def uuids_of(entries: Iterable[JournalEntry]) -> dict[int, str]:
    """The uuids of everybody whom these entries name, by id."""
    ids = {pk for entry in entries for pk in people_in(entry)}
    ids |= {entry.actor_id for entry in entries if entry.actor_id}
    rows = prepared.rows(sql.UUIDS, [list(ids)]) if ids else []
    return {pk: str(uuid) for pk, uuid in rows}


def entries_for(event: SosEvent, viewer: User) -> QuerySet[JournalEntry]:
    """A dispatcher's all; the wearer's those about what was done for them."""
    entries: QuerySet[JournalEntry] = event.journal.order_by("position")
    return entries if viewer.is_dispatcher else entries.filter(_WEARERS)


def events_readable_by(viewer: User) -> QuerySet[SosEvent]:
    """Those whose story `viewer` may read: a dispatcher's all, else one's own."""
    events: QuerySet[SosEvent] = SosEvent.objects.all()
    return events if viewer.is_dispatcher else events.filter(user=viewer)
