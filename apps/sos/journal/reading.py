"""The journal of an event as it is read: for whom which entries are, and whom they name."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from django.db.models import Q, QuerySet

from apps.users.models import Role, User
from mdd_backend import prepared

from .. import sql
from ..kinds import JournalKind
from ..models import JournalEntry, SosEvent

# Data of a journal entry that holds the ids of people: as keys, or in a list.
_BY_PERSON = {"helpers", "passed_over"}
_PEOPLE = {"told", "stood_down", "rung"}
_WEARERS = Q(kind__startswith="EVENT_") | Q(kind__startswith="HELPER_") | Q(
    kind__in=[
        JournalKind.SIGNAL_MERGED, JournalKind.WAVE_CALLED, JournalKind.WEARER_FINE, JournalKind.HANDED_OVER,
        JournalKind.CONTACTS_ALARMED,
    ]
)  # fmt: skip


def people_in(data: Mapping[str, Any]) -> set[int]:
    """The ids of everybody whom an entry's data names; of a shape it should not have, nobody's."""
    if not isinstance(data, dict):
        return set()
    groups = [data[name] for name in _BY_PERSON | _PEOPLE if isinstance(data.get(name), dict | list)]
    named = map(str, (*chain(*groups), data.get("helper", "")))
    return {int(pk) for pk in named if pk.isdecimal() and len(pk) < 19}


def with_names(data: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """An entry's data with accounts' uuids in place of their ids, which stay inside; of contacts, how many."""
    return {name: _named(name, value, names) for name, value in data.items()}


def _named(name: str, value: Any, names: Mapping[int, str]) -> Any:
    if name in _BY_PERSON:
        return {names[int(pk)]: what for pk, what in value.items() if int(pk) in names}
    if name in _PEOPLE:
        return [names[pk] for pk in value if pk in names]
    if name == "helper":
        return names.get(value)
    return len(value) if name == "contacts" else value


def uuids_of(entries: Iterable[JournalEntry]) -> dict[int, str]:
    """The uuids of everybody whom these entries name, by id."""
    ids = {pk for entry in entries for pk in people_in(entry.data)}
    ids |= {entry.actor_id for entry in entries if entry.actor_id}
    found = prepared.rows(sql.UUIDS, [list(ids)]) if ids else []
    return {pk: str(uuid) for pk, uuid in found}


def entries_for(event: SosEvent, viewer: User) -> QuerySet[JournalEntry]:
    """A dispatcher's all; the wearer's those about what was done for them."""
    entries: QuerySet[JournalEntry] = event.journal.order_by("position")
    return entries if viewer.role == Role.ADMIN else entries.filter(_WEARERS)


def events_told_to(viewer: User) -> QuerySet[SosEvent]:
    """Those whose story `viewer` may read: a dispatcher's all, else one's own."""
    events: QuerySet[SosEvent] = SosEvent.objects.all()
    return events if viewer.role == Role.ADMIN else events.filter(user=viewer)
