"""The story of one event for those who may know it, and who has looked at its place."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.api.permissions import caller
from apps.users.models import Role, User
from mdd_backend import prepared
from mdd_backend.openapi import documented

from ...models import EventNote, EventStatus, JournalEntry, JournalKind, Look, SosEvent

# Data of a journal entry that holds the ids of people: as keys, or in a list.
_BY_PERSON = {"helpers", "passed_over"}
_PEOPLE = {"told", "stood_down", "rung"}
_WEARERS = Q(kind__startswith="EVENT_") | Q(kind__startswith="HELPER_") | Q(
    kind__in=[
        JournalKind.SIGNAL_MERGED, JournalKind.WAVE_CALLED, JournalKind.WEARER_FINE, JournalKind.HANDED_OVER,
        JournalKind.CONTACTS_ALARMED,
    ]
)  # fmt: skip
_WEARERS_DATA = {"wave", "radius_m", "helpers", "contacts", "to", "outcome"}


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
    found = prepared.rows("SELECT id, uuid FROM users_user WHERE id = ANY(%s)", [list(ids)]) if ids else []
    return {pk: str(uuid) for pk, uuid in found}


def entries_for(event: SosEvent, viewer: User) -> QuerySet[JournalEntry]:
    """A dispatcher's all; the wearer's those about what was done for them."""
    entries: QuerySet[JournalEntry] = event.journal.order_by("position")
    return entries if viewer.role == Role.ADMIN else entries.filter(_WEARERS)


def events_told_to(viewer: User) -> QuerySet[SosEvent]:
    """Those whose story `viewer` may read: a dispatcher's all, else one's own."""
    events: QuerySet[SosEvent] = SosEvent.objects.all()
    return events if viewer.role == Role.ADMIN else events.filter(user=viewer)


class PersonSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["uuid", "full_name", "role"]


class ViewerSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["full_name", "role"]


class TimelineEntrySerializer(serializers.ModelSerializer[JournalEntry]):
    """One thing that happened. For the wearer: who came, and how many were called, not who."""

    status = serializers.SerializerMethodField(help_text="The event's, once it had happened.")
    actor = serializers.SerializerMethodField()
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = JournalEntry
        fields = ["position", "at", "kind", "status", "actor", "data"]

    @extend_schema_field(serializers.ChoiceField(EventStatus.choices, allow_null=True))
    def get_status(self, entry: JournalEntry) -> str | None:
        return entry.status or None

    @extend_schema_field(PersonSerializer(allow_null=True))
    def get_actor(self, entry: JournalEntry) -> Any:
        actor: User | None = self.context["people"].get(entry.actor_id)
        return PersonSerializer(actor).data if actor and (self.context["all"] or _is_known(entry, actor)) else None

    @extend_schema_field(serializers.DictField())
    def get_data(self, entry: JournalEntry) -> dict[str, Any]:
        if not self.context["all"]:
            return _counted(entry.data)
        text = self.context["notes"].get(entry.data.get("note"))
        names = {pk: str(user.uuid) for pk, user in self.context["people"].items()}
        return with_names(entry.data, names) | ({"text": text} if text else {})


def _is_known(entry: JournalEntry, actor: User) -> bool:
    """To the wearer: oneself and who came; not the dispatchers, nor a neighbour who would not come."""
    return actor.role != Role.ADMIN and entry.kind != JournalKind.HELPER_DECLINED


def _counted(data: Mapping[str, Any]) -> dict[str, Any]:
    """Of an entry's data what the wearer may know, with numbers in place of people."""
    told = {name: value for name, value in data.items() if name in _WEARERS_DATA}
    return {name: len(value) if isinstance(value, dict | list) else value for name, value in told.items()}


class LookSerializer(serializers.ModelSerializer[Look]):
    viewer = ViewerSerializer()

    class Meta:
        model = Look
        fields = ["at", "viewer"]


ENTRY: dict[str, Any] = {
    "position": 1043,
    "at": "2025-10-28T12:00:00.520000Z",
    "kind": "WAVE_CALLED",
    "status": "NEW",
    "actor": None,
    "data": {
        "wave": 1,
        "radius_m": 3000,
        "helpers": {"0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4": 430},
        "passed_over": {"5b0d5a3e-7a9c-4a53-8e0c-2f6b1c9d7a10": "OFF_DUTY"},
    },
}
LOOK: dict[str, Any] = {
    "at": "2025-10-28T12:00:09.104000Z",
    "viewer": {"full_name": "Aziz Rakhimov", "role": "HELPER"},
}


class _OfEvent(ListAPIView[Any]):
    queryset = SosEvent.objects.none()  # for the documents
    filter_backends: list[Any] = []

    def event(self) -> SosEvent:
        return get_object_or_404(events_told_to(caller(self.request)), uid=self.kwargs["event_uid"])


class TimelineView(_OfEvent):
    serializer_class = TimelineEntrySerializer

    def get_queryset(self) -> QuerySet[JournalEntry]:
        return entries_for(self.event(), caller(self.request))

    def get_serializer(self, entries: Sequence[JournalEntry], **options: Any) -> Any:
        viewer = caller(self.request)
        ids = {pk for entry in entries for pk in (*people_in(entry.data), entry.actor_id or 0)}
        notes = EventNote.objects.filter(pk__in=[entry.data["note"] for entry in entries if "note" in entry.data])
        context = {
            "all": viewer.role == Role.ADMIN,
            "people": User.objects.in_bulk(ids),
            "notes": dict(notes.values_list("pk", "text")),
        }
        return TimelineEntrySerializer(entries, context=context, **options)

    @documented("What happened, step by step", gives={200: (TimelineEntrySerializer(many=True), ENTRY)})
    def get(self, request: Request, event_uid: UUID) -> Response:
        """For dispatchers everything, for the wearer what was done for them; the oldest first."""
        return self.list(request)


class LooksView(_OfEvent):
    serializer_class = LookSerializer

    def get_queryset(self) -> QuerySet[Look]:
        return Look.objects.filter(event=self.event()).select_related("viewer").order_by("-pk")

    @documented("Who has seen the place", gives={200: (LookSerializer(many=True), LOOK)})
    def get(self, request: Request, event_uid: UUID) -> Response:
        """For the wearer and dispatchers: every look at the exact place, the newest first."""
        return self.list(request)
