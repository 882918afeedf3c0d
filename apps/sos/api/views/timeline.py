"""The story of one event for those who may know it, and who has looked at its place."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.api.examples import LOOK
from apps.users.api.looking import LookSerializer
from apps.users.api.permissions import caller
from apps.users.models import Look, User
from mdd_backend.api.openapi import documented

from ...journal.reading import entries_for, events_readable_by, people_in
from ...models import EventNote, JournalEntry, SosEvent
from ..examples import ENTRY
from ..serializers.timeline import TimelineEntrySerializer


class _OfEvent(ListAPIView[Any]):
    queryset = SosEvent.objects.none()  # for the documents
    filter_backends: list[Any] = []

    def event(self) -> SosEvent:
        return get_object_or_404(events_readable_by(caller(self.request)), uid=self.kwargs["event_uid"])


class TimelineView(_OfEvent):
    serializer_class = TimelineEntrySerializer

    def get_queryset(self) -> QuerySet[JournalEntry]:
        return entries_for(self.event(), caller(self.request))

    def get_serializer(self, entries: Sequence[JournalEntry], **options: Any) -> Any:
        viewer = caller(self.request)
        ids = {pk for entry in entries for pk in (*people_in(entry), entry.actor_id or 0)}
        notes = EventNote.objects.filter(pk__in=[entry.data["note"] for entry in entries if "note" in entry.data])
        context = {
            "all": viewer.is_dispatcher,
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
        return Look.objects.filter(event_uid=self.event().uid).select_related("viewer").order_by("-at", "-pk")

    @documented("Who has seen the place", gives={200: (LookSerializer(many=True), LOOK)})
    def get(self, request: Request, event_uid: UUID) -> Response:
        """For the wearer and dispatchers: every look at the exact place, the newest first."""
        return self.list(request)
