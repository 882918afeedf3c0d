"""Events, the signals that made them, the helpers called to them, and the journal of it all."""

import uuid
from typing import Any, ClassVar

from django.contrib.gis.db.models import PointField
from django.db import models
from django.db.models.functions import Now

from apps.devices.models import Device
from apps.users.models import User


class EventStatus(models.TextChoices):
    NEW = "NEW", "nobody has accepted"
    IN_PROGRESS = "IN_PROGRESS", "a helper has accepted"
    RESOLVED = "RESOLVED", "resolved"
    CANCELLED = "CANCELLED", "cancelled"


OPEN = (EventStatus.NEW, EventStatus.IN_PROGRESS)


class DetectedType(models.TextChoices):
    FALL_DETECTED = "FALL_DETECTED", "fall"
    MANUAL_TRIGGER = "MANUAL_TRIGGER", "button"
    OTHER = "OTHER", "other"
    TEST = "TEST", "test"


class LocationSource(models.TextChoices):
    SIGNAL = "SIGNAL", "told by the signal"
    DEVICE = "DEVICE", "the device's last known place"
    NONE = "NONE", "unknown"


class Outcome(models.TextChoices):
    HELPED = "HELPED", "helped"
    FALSE_ALARM = "FALSE_ALARM", "false alarm"
    NO_HELP_NEEDED = "NO_HELP_NEEDED", "no help needed"
    HANDED_OVER = "HANDED_OVER", "handed over"


class SosEventQuerySet(models.QuerySet["SosEvent"]):
    def open(self) -> "SosEventQuerySet":
        return self.filter(status__in=OPEN)

    def due(self) -> "SosEventQuerySet":
        """Open events whose next step's time has come, by PostgreSQL's clock."""
        return self.open().filter(next_step_at__lte=Now())


class SosEvent(models.Model):
    """One emergency."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sos_events")
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, blank=True, related_name="sos_events")
    device_uid_text = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=12, choices=EventStatus.choices, default=EventStatus.NEW)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    detected_type = models.CharField(max_length=16, choices=DetectedType.choices)
    detected_type_text = models.CharField(max_length=200, blank=True)
    severity = models.PositiveSmallIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    position = PointField(geography=True, null=True, blank=True, spatial_index=False)
    altitude = models.FloatField(null=True, blank=True)
    location_source = models.CharField(max_length=8, choices=LocationSource.choices)
    location_age_s = models.PositiveIntegerField(null=True, blank=True)
    signal_count = models.PositiveIntegerField(default=1)
    last_signal_at = models.DateTimeField()
    follows = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="followed_by")
    plan = models.JSONField()
    waves_called = models.PositiveSmallIntegerField(default=0)
    next_step_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = SosEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sos_open_event_has_next_step",
                condition=models.Q(status__in=OPEN, next_step_at__isnull=False)
                | models.Q(next_step_at__isnull=True) & ~models.Q(status__in=OPEN),
            )
        ]
        indexes = [
            models.Index(fields=["next_step_at"], name="sos_due", condition=models.Q(status__in=OPEN)),
            models.Index(fields=["device"], name="sos_open_of_device", condition=models.Q(status__in=OPEN)),
            models.Index(fields=["user"], name="sos_open_of_user", condition=models.Q(status__in=OPEN)),
        ]

    def __str__(self) -> str:
        return str(self.uid)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def lat(self) -> float | None:
        return self.position.y if self.position else None

    @property
    def lon(self) -> float | None:
        return self.position.x if self.position else None

    def has_enough_helpers(self) -> bool:
        coming = self.alerts.filter(status=AlertStatus.ACCEPTED).count()
        return coming >= int(self.plan["enough_helpers"])


class Signal(models.Model):
    """One POST of a watch: it opened its event or repeated it."""

    event = models.ForeignKey(SosEvent, on_delete=models.CASCADE, related_name="signals")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    device = models.ForeignKey(
        Device, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    signal_uid = models.CharField(max_length=100, blank=True)
    signal_hash = models.BinaryField(max_length=32)
    device_time = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    raw_payload = models.JSONField(null=True, blank=True)
    warnings = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["device", "received_at"], name="sos_signals_of_device"),
            models.Index(fields=["user", "received_at"], name="sos_signals_of_user"),
        ]

    def __str__(self) -> str:
        return f"signal {self.pk} of {self.event_id}"


class AlertStatus(models.TextChoices):
    NOTIFIED = "NOTIFIED", "called"
    ACCEPTED = "ACCEPTED", "is coming"
    DECLINED = "DECLINED", "will not come"


ANSWERS = [(one.value, one.label) for one in (AlertStatus.ACCEPTED, AlertStatus.DECLINED)]


class HelperAlert(models.Model):
    """One helper called to one event."""

    event = models.ForeignKey(SosEvent, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    helper = models.ForeignKey(User, on_delete=models.CASCADE, related_name="helper_alerts")
    wave = models.PositiveSmallIntegerField()
    distance_m = models.FloatField()
    area_distance_m = models.PositiveIntegerField(help_text="as the helper is told: from the area's centre, coarse")
    status = models.CharField(max_length=10, choices=AlertStatus.choices, default=AlertStatus.NOTIFIED)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "helper"], name="sos_one_alert_per_helper")]

    def __str__(self) -> str:
        return f"alert {self.pk}: {self.status}"


class JournalKind(models.TextChoices):
    EVENT_OPENED = "EVENT_OPENED", "event opened"
    SIGNAL_MERGED = "SIGNAL_MERGED", "signal repeated"
    WAVE_CALLED = "WAVE_CALLED", "wave called"
    PLACE_UNKNOWN = "PLACE_UNKNOWN", "place unknown"
    HELPER_ACCEPTED = "HELPER_ACCEPTED", "helper accepted"
    HELPER_DECLINED = "HELPER_DECLINED", "helper declined"
    NOTIFICATION = "NOTIFICATION", "notifications changed"
    EVENT_RESOLVED = "EVENT_RESOLVED", "event resolved"


class JournalEntry(models.Model):
    """One thing that happened, at its position in the one order of everything. Holds ids, never personal data."""

    position = models.BigIntegerField(unique=True)
    # No constraint in the database: its check would wait for the event's row while holding the journal's lock.
    event = models.ForeignKey(
        SosEvent,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="journal",
        db_constraint=False,
    )
    kind = models.CharField(max_length=32, choices=JournalKind.choices)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"{self.position} {self.kind}"
