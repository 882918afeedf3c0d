"""The shape of one event: for dispatchers with every message about it, the wearer's contacts, and the notes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.notifications.models import Notification
from apps.users.models import EmergencyContact
from mdd_backend.database.clock import utc

from ...models import SosEvent
from ...queries.events import reach_of
from .events import EventSerializer, NoteSerializer


class ReachSerializer(serializers.ModelSerializer[Notification]):
    """One message about the event: to whom, how, and what became of it."""

    to = serializers.SerializerMethodField(help_text="A person's name, or that it is an emergency contact.")
    person = serializers.SerializerMethodField(help_text="The account; null for an emergency contact.")
    changes = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = ["uuid", "to", "person", "kind", "channel", "state", "reason", "attempts", "created_at", "changes"]

    def get_to(self, notification: Notification) -> str:
        contact = f"contact {notification.contact_id} of " if notification.contact_id else ""
        return contact + (notification.user.full_name or str(notification.user.uuid))

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_person(self, notification: Notification) -> str | None:
        return None if notification.contact_id else str(notification.user.uuid)

    @extend_schema_field(serializers.ListField(child=serializers.DictField(child=serializers.CharField())))
    def get_changes(self, notification: Notification) -> list[dict[str, str]]:
        return [{"state": change.state, "at": utc(change.at)} for change in notification.changes.all()]


class ToldSerializer(serializers.ModelSerializer[Notification]):
    """One message to an emergency contact, and what has become of it."""

    class Meta:
        model = Notification
        fields = ["uuid", "kind", "channel", "state", "reason", "created_at"]


class AlarmedContactSerializer(serializers.ModelSerializer[EmergencyContact]):
    """One of the wearer's emergency contacts, and what they were sent about the event, the oldest first."""

    phone_number = serializers.CharField()
    told = serializers.SerializerMethodField()

    class Meta:
        model = EmergencyContact
        fields = ["name", "phone_number", "language", "told"]

    @extend_schema_field(ToldSerializer(many=True))
    def get_told(self, contact: EmergencyContact) -> Any:
        messages = [message for message in self.context["reach"] if message.contact_id == contact.pk]
        return ToldSerializer(messages, many=True).data


class EventDetailSerializer(EventSerializer):
    """One event, for a dispatcher with everybody who was reached, or was not, and why."""

    reach = serializers.SerializerMethodField(help_text="For a dispatcher: every message about the event.")
    contacts = serializers.SerializerMethodField(help_text="For a dispatcher: the wearer's emergency contacts.")
    notes = serializers.SerializerMethodField(help_text="For a dispatcher: what dispatchers wrote down.")

    class Meta(EventSerializer.Meta):
        fields = [*EventSerializer.Meta.fields, "reach", "contacts", "notes"]

    def to_representation(self, event: SosEvent) -> dict[str, Any]:
        self._reach = list(reach_of(event)) if self._viewer.is_dispatcher else []
        return super().to_representation(event)

    def _seen(self, event: SosEvent) -> set[str]:
        desk = {"reach", "contacts", "notes"} if self._viewer.is_dispatcher else set()
        if self.get_needs_reason(event):
            desk.discard("contacts")
        return super()._seen(event) | desk

    @extend_schema_field(ReachSerializer(many=True, allow_null=True))
    def get_reach(self, event: SosEvent) -> Any:
        return ReachSerializer(self._reach, many=True).data

    @extend_schema_field(AlarmedContactSerializer(many=True, allow_null=True))
    def get_contacts(self, event: SosEvent) -> Any:
        contacts = event.user.emergency_contacts.all()
        return AlarmedContactSerializer(contacts, many=True, context={"reach": self._reach}).data

    @extend_schema_field(NoteSerializer(many=True, allow_null=True))
    def get_notes(self, event: SosEvent) -> Any:
        return NoteSerializer(event.notes.select_related("author").order_by("pk"), many=True).data
