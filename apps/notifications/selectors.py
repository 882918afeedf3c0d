"""What is read about ways to people."""

from django.db.models import QuerySet
from django.db.models.functions import Now

from .models import PushToken
from .services import PUSH_TOKEN_LIVES


def push_tokens_in_use() -> QuerySet[PushToken]:
    """Those an app has refreshed within 60 days; the others are as good as retired."""
    return PushToken.objects.filter(refreshed_at__gt=Now() - PUSH_TOKEN_LIVES).order_by("pk")
