"""What is read about ways to people."""

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Now

from apps.users.models import User

from ..models import Notification, NotificationChange, PushToken
from .queueing import PUSH_TOKEN_LIVES


def push_tokens_in_use() -> QuerySet[PushToken]:
    """Those an app has refreshed within 60 days; the others are as good as retired."""
    return PushToken.objects.filter(refreshed_at__gt=Now() - PUSH_TOKEN_LIVES).order_by("pk")


def notifications_to(user: User) -> QuerySet[Notification]:
    """Those to the person themselves, not to their emergency contacts."""
    changes = Prefetch("changes", NotificationChange.objects.order_by("pk"))
    return Notification.objects.filter(user=user, contact_id=None).prefetch_related(changes)
