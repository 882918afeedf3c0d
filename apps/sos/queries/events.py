"""What is read about events, by whom they are known to and with what it takes to show them."""

from django.contrib.gis.db.models.functions import Distance
from django.db.models import Case, CharField, Exists, F, OuterRef, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Now

from apps.devices.kinds import JUMPED_FOR
from apps.notifications.models import Notification
from apps.users.models import User

from ..kinds import COMING, OPEN, UNSTEADY_FOR, Caution
from ..models import HelperAlert, HelperClaim, SosEvent
from .facts import SEEN_LATELY


def events_known_to(viewer: User) -> QuerySet[SosEvent]:
    """Those that exist for `viewer`: a dispatcher's all, else one's own and those one was called to."""
    events: QuerySet[SosEvent] = SosEvent.objects.all()
    if viewer.is_dispatcher:
        return events
    return events.filter(Q(user=viewer) | Exists(_alerts_of(viewer)))


def seen_exactly(events: QuerySet[SosEvent], viewer: User) -> QuerySet[SosEvent]:
    """Those of `events` whose place `viewer` may see: the same rule as `privacy.sight_of`, for the database."""
    if viewer.is_dispatcher:
        return events
    coming = Exists(_alerts_of(viewer).filter(status__in=COMING))
    return events.filter(Q(user=viewer) | Q(coming, status__in=OPEN))


def _alerts_of(viewer: User) -> QuerySet[HelperAlert]:
    return HelperAlert.objects.filter(event=OuterRef("pk"), helper=viewer)


def reach_of(event: SosEvent) -> QuerySet[Notification]:
    """Every message about the event, the oldest first."""
    messages = Notification.objects.filter(event_uid=event.uid).select_related("user")
    return messages.prefetch_related("changes").order_by("pk")


def with_people(events: QuerySet[SosEvent]) -> QuerySet[SosEvent]:
    """Everything that showing the events needs, in a fixed number of queries."""
    return events.select_related("user", "device").prefetch_related(Prefetch("alerts", _called_helpers()))


def called_helper(alert: HelperAlert) -> HelperAlert:
    """The alert with what showing it needs."""
    return _called_helpers().get(pk=alert.pk)


def _called_helpers() -> QuerySet[HelperAlert]:
    seen = "helper__helper_position"
    alerts = HelperAlert.objects.select_related("helper").order_by("pk")
    far = Distance(f"{seen}__position", "event__position")
    return alerts.annotate(
        place=F(f"{seen}__position"),
        distance_now=far,
        seen_at=F(f"{seen}__recorded_at"),
        is_seen_lately=Q(**{f"{seen}__recorded_at__gt": Now() - SEEN_LATELY}),
        caution=_CAUTION,
    )


# The same as in sql.py, for those called already.
_UNSTEADY = HelperClaim.objects.filter(helper=OuterRef("helper"), unsteady_at__gt=Now() - UNSTEADY_FOR)
_CAUTION = Case(
    When(helper__helper_position__jumped_at__gt=Now() - JUMPED_FOR, then=Value(Caution.JUMPED.value)),
    When(Exists(_UNSTEADY), then=Value(Caution.WITHDREW.value)),
    default=None,
    output_field=CharField(null=True),
)
