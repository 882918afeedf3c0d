"""What the journal's entries hold, by kind: the only place that knows their keys.

The feed, the timeline and the admin read entries by the same declarations by which they are written.
"""

from dataclasses import dataclass, fields
from enum import Enum, auto
from functools import cache
from typing import Annotated, Any, get_type_hints

from apps.users.kinds import Deed

from ..kinds import JournalKind


class Holds(Enum):
    """What a field holds if it is more than a fact: ids, which readers show as names or as a number."""

    PERSON = auto()
    PEOPLE = auto()
    BY_PERSON = auto()
    CONTACTS = auto()


Person = Annotated[int, Holds.PERSON]
People = Annotated[list[int], Holds.PEOPLE]
MetresByPerson = Annotated[dict[str, int], Holds.BY_PERSON]
ReasonByPerson = Annotated[dict[str, str], Holds.BY_PERSON]
Contacts = Annotated[list[int], Holds.CONTACTS]


@dataclass(frozen=True)
class Data:
    """Of a kind that says everything by itself."""

    def as_json(self) -> dict[str, Any]:
        """As it is stored: without what may be left out and was."""
        left_out = {field.name for field in fields(self) if field.default is None}
        return {name: value for name, value in vars(self).items() if value is not None or name not in left_out}


@dataclass(frozen=True)
class WaveCalled(Data):
    """helpers: how far each is from the event.

    passed_over: only in entries of before, never written: why each of the nearest was not called (`sql.FIT`).
    """

    wave: int
    radius_m: int
    helpers: MetresByPerson
    replaces: bool | None = None
    passed_over: ReasonByPerson | None = None


@dataclass(frozen=True)
class RungAgain(Data):
    """Who was rung once more."""

    rung: People


@dataclass(frozen=True)
class PlaceMoved(Data):
    """How far the wearer is from where those who come were told."""

    moved_m: int


@dataclass(frozen=True)
class OfHelper(Data):
    """The helper it is about."""

    helper: Person


@dataclass(frozen=True)
class Accepted(Data):
    """Both only when a dispatcher says so for them."""

    helper: Person | None = None
    confirmed_by: str | None = None


@dataclass(frozen=True)
class StoodDown(Data):
    """Who is needed no more."""

    stood_down: People


@dataclass(frozen=True)
class ContactsAlarmed(Data):
    """The contacts who were sent a text message."""

    contacts: Contacts


@dataclass(frozen=True)
class ContactAnswered(Data):
    """The contact who has seen it."""

    contact: int


@dataclass(frozen=True)
class DispatchersAlarmed(Data):
    """reason: an AlarmReason, or DEVICE_ and the kind of a device's trouble, of which nobody is told."""

    reason: str
    told: People


@dataclass(frozen=True)
class NoteAdded(Data):
    """The id of the note."""

    note: int


@dataclass(frozen=True)
class HandedOver(Data):
    """The emergency service, by its number."""

    to: str


@dataclass(frozen=True)
class MessagesChanged(Data):
    """states: by the notification's uuid."""

    states: dict[str, str]


@dataclass(frozen=True)
class Closed(Data):
    """dropped: how many messages needed not to be sent any more."""

    outcome: str
    dropped: int
    stood_down: People
    note: int | None = None


@dataclass(frozen=True)
class PolicyChanged(Data):
    """detected_type: None: for all types. changed: by field, what it was and what it is."""

    detected_type: str | None
    changed: dict[str, list[Any]]


@dataclass(frozen=True)
class DeedDone(Data):
    """What somebody did to a person or a device, or to a row in the admin: its `model` and `row`.

    device: its uuid. before: whose it was. changed: by field, what it was and what it is; null for what is personal.
    remark: the id of why.
    """

    person: Person | None = None
    device: str | None = None
    before: Person | None = None
    changed: dict[str, list[Any] | None] | None = None
    remark: int | None = None
    model: str | None = None
    row: int | None = None


_K = JournalKind
DATA: dict[str, type[Data]] = {
    _K.WAVE_CALLED: WaveCalled,
    _K.HELPERS_RUNG_AGAIN: RungAgain,
    _K.PLACE_MOVED: PlaceMoved,
    _K.HELPER_ACCEPTED: Accepted,
    _K.HELPER_ASKED: OfHelper,
    _K.HELPER_RELEASED: OfHelper,
    _K.HELPER_ASSIGNED: OfHelper,
    _K.HELPERS_STOOD_DOWN: StoodDown,
    _K.CONTACTS_ALARMED: ContactsAlarmed,
    _K.CONTACT_ANSWERED: ContactAnswered,
    _K.DISPATCHERS_ALARMED: DispatchersAlarmed,
    _K.NOTE_ADDED: NoteAdded,
    _K.HANDED_OVER: HandedOver,
    _K.NOTIFICATION: MessagesChanged,
    _K.EVENT_RESOLVED: Closed,
    _K.EVENT_CANCELLED: Closed,
    _K.POLICY_CHANGED: PolicyChanged,
    **dict.fromkeys((_K(deed.value) for deed in Deed), DeedDone),
}
"""Kinds that are not here hold nothing."""


@cache
def holds(kind: str) -> dict[str, Holds]:
    """Of a kind's fields those that hold ids, and how."""
    hints = get_type_hints(DATA.get(kind, Data), include_extras=True)
    return {name: how for name, hint in hints.items() if (how := _how(hint))}


def _how(hint: Any) -> Holds | None:
    """Also of a field that may be None."""
    parts = (hint, *getattr(hint, "__args__", ()))
    marks = (mark for part in parts for mark in getattr(part, "__metadata__", ()))
    return next((mark for mark in marks if isinstance(mark, Holds)), None)
