"""What dispatchers decide about accounts and devices, in the admin's log: each page there shows its own history."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from ..models import User


def keep_decision(actor: User, about: Model, text: str) -> None:
    """Notes that `actor` has decided something about a row, in the caller's transaction."""
    LogEntry.objects.create(
        user=actor,
        content_type=ContentType.objects.get_for_model(about),
        object_id=str(about.pk),
        object_repr=str(about)[:200],
        action_flag=CHANGE,
        change_message=text,
    )
