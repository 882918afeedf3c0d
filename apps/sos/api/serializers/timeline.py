"""The shapes of an event's story on the wire, for the wearer with numbers in place of people."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.users.models import Role, User

from ...journal.reading import with_names
from ...kinds import EventStatus, JournalKind
from ...models import JournalEntry

_WEARERS_DATA = {"wave", "radius_m", "helpers", "contacts", "to", "outcome"}


class PersonSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["uuid", "full_name", "role"]


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
        return with_names(entry, names) | ({"text": text} if text else {})


def _is_known(entry: JournalEntry, actor: User) -> bool:
    """To the wearer: oneself and who came; not the dispatchers, nor a neighbour who would not come."""
    return actor.role != Role.ADMIN and entry.kind != JournalKind.HELPER_DECLINED


def _counted(data: Mapping[str, Any]) -> dict[str, Any]:
    """Of an entry's data what the wearer may know, with numbers in place of people."""
    allowed = {name: value for name, value in data.items() if name in _WEARERS_DATA}
    return {name: len(value) if isinstance(value, dict | list) else value for name, value in allowed.items()}
