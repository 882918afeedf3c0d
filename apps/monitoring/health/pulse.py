"""Signs of life of processes and jobs, kept in PostgreSQL by its own clock."""

from datetime import datetime, timedelta

from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from ..models import Pulse

SWEEP, BEAT, DEVICE_WATCH, HEARTBEAT = "sweep", "beat", "device watch", "heartbeat"


def note(name: str, every: timedelta, gap: timedelta = timedelta(minutes=3)) -> bool:
    """Notes a sign of life, at most one in `every`, whoever calls; True when it was this call's.

    After a `gap` without any, what is alive is so since now.
    """
    began = Case(When(seen_at__lt=Now() - Value(gap), then=Now()), default=F("since"))
    if Pulse.objects.filter(pk=name, seen_at__lte=Now() - every).update(since=began, seen_at=Now()):
        return True
    return Pulse.objects.get_or_create(pk=name, defaults={"since": Now(), "seen_at": Now()})[1]


def alive_since(name: str) -> datetime:
    """Raises Pulse.DoesNotExist."""
    return Pulse.objects.values_list("since", flat=True).get(pk=name)
