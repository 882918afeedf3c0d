"""What people did to accounts, devices and the policy, for dispatchers."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.api.permissions import IsDispatcher
from apps.users.models import Remark
from mdd_backend.api.openapi import documented
from mdd_backend.api.paging import NewestFirst

from ...journal.deeds import deeds
from ...journal.reading import uuids_of, with_names
from ...kinds import DEEDS
from ...models import JournalEntry
from ..examples import DEED
from ..filters import DeedFilter


class DeedSerializer(serializers.Serializer[JournalEntry]):
    """One deed; people by their accounts' uuids, devices by theirs, rows by their ids."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField([(kind.value, kind.label) for kind in DEEDS])
    actor = serializers.SerializerMethodField(help_text="The uuid of who did it.")
    facts = serializers.SerializerMethodField(
        help_text="`person`: to whom. `changed`: by field, what it was and what it is; null for what is personal."
    )
    remark = serializers.SerializerMethodField(help_text="Why, in the actor's words; null: they gave no reason.")

    def get_actor(self, entry: JournalEntry) -> str | None:
        found: str | None = self.context["uuids"].get(entry.actor_id)
        return found

    def get_facts(self, entry: JournalEntry) -> dict[str, Any]:
        named = with_names(entry, self.context["uuids"])
        return {name: value for name, value in named.items() if name != "remark"}

    def get_remark(self, entry: JournalEntry) -> str | None:
        found: str | None = self.context["remarks"].get(entry.data.get("remark"))
        return found


class DeedsView(ListAPIView[JournalEntry]):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]
    serializer_class = DeedSerializer
    pagination_class = NewestFirst
    filterset_class = DeedFilter

    def get_queryset(self) -> QuerySet[JournalEntry]:
        return deeds()

    @documented("Who did what to accounts and devices", gives={200: (DeedSerializer(many=True), DEED)}, errors=[400])
    def get(self, request: Request) -> Response:
        """For an ADMIN, the newest first: changes of accounts, roles and policy, bans, devices that moved, and whatever
        was done in the admin.
        """
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        ids = [entry.data["remark"] for entry in page if "remark" in entry.data]
        remarks = dict(Remark.objects.filter(pk__in=ids).values_list("pk", "text"))
        context = {"uuids": uuids_of(page), "remarks": remarks}
        shown: Any = DeedSerializer(page, many=True, context=context)  # type: ignore[arg-type]
        return self.get_paginated_response(shown.data)
