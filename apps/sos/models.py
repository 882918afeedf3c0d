"""Events, the signals that made them, the helpers called to them, and the journal of it all."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.gis.db.models import PointField
from django.contrib.gis.geos import Point
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now

from apps.devices.models import Device
from apps.users.models import User

from .kinds import (
    COMING,
    OPEN,
    AlertStatus,
    DetectedType,
    EventStatus,
    Halt,
    JournalKind,
    LocationSource,
    Outcome,
    Service,
)


@dataclass(frozen=True)
class Place:
    """Where somebody was, who says so, and when it was measured. Altitude and accuracy in metres."""

    point: Point
    at: datetime
    source: LocationSource
    altitude: float | None = None
    accuracy_m: float | None = None


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
    position_at = models.DateTimeField(null=True, blank=True)
    told_position = PointField(geography=True, null=True, blank=True, spatial_index=False, editable=False)
    altitude = models.FloatField(null=True, blank=True)
    accuracy_m = models.FloatField(null=True, blank=True, help_text="how far off the place may be, as the device says")
    location_source = models.CharField(max_length=8, choices=LocationSource.choices)
    location_age_s = models.PositiveIntegerField(null=True, blank=True)
    signal_count = models.PositiveIntegerField(default=1)
    last_signal_at = models.DateTimeField()
    follows = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="followed_by")
    is_drill = models.BooleanField(default=False, help_text="nobody needs help: dispatchers practise")
    silent = models.BooleanField(default=False, help_text="nothing is sent to the wearer's phone or contacts")
    unconfirmed_until = models.DateTimeField(
        null=True, blank=True, help_text="helpers are called then, unless cancelled"
    )
    plan = models.JSONField()
    waves_called = models.PositiveSmallIntegerField(default=0)
    wave_at = models.DateTimeField(help_text="when the next wave is called")
    doubted_until = models.DateTimeField(
        null=True, blank=True, help_text="no helper is called before then without a dispatcher's word"
    )
    stale_credential = models.BooleanField(
        default=False, db_default=False, help_text="opened by a token that was no longer valid"
    )
    replacements_due = models.PositiveSmallIntegerField(default=0, help_text="for those who declined or withdrew")
    unsafe_reported_at = models.DateTimeField(
        null=True, blank=True, help_text="when a helper last reported the place unsafe"
    )
    halted = models.CharField(max_length=12, choices=Halt.choices, blank=True)
    next_step_at = models.DateTimeField(null=True, blank=True)
    rank = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="whose phones ring first when helpers are few"
    )
    contacts_alarmed_at = models.DateTimeField(null=True, blank=True)
    dispatchers_alarmed_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    handed_over_to = models.CharField(max_length=3, choices=Service.choices, blank=True)
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

    @property
    def wearer_name(self) -> str:
        """Of whoever needs help: the device's wearer, else the account's owner."""
        return (self.device.wearer_name if self.device else "") or self.user.full_name

    @property
    def wearer_phone(self) -> Any:
        """Of whoever needs help, else the account's; None when there is none."""
        return (self.device.wearer_phone if self.device else None) or self.user.phone_number

    @property
    def began_at(self) -> datetime:
        """When its helpers were to be called: every wait of the plan counts from here."""
        return self.unconfirmed_until or self.received_at

    def move(self, place: Place, at: datetime) -> None:
        """Help is needed at `place`, as is known at `at`."""
        self.position, self.position_at, self.location_source = place.point, place.at, place.source
        self.location_age_s = min(2**31 - 1, max(0, int((at - place.at).total_seconds())))
        self.altitude, self.accuracy_m = place.altitude, place.accuracy_m

    def coming(self) -> "models.QuerySet[HelperAlert]":
        """Those on their way or there."""
        return self.alerts.filter(status__in=COMING)


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
    payload_digest = models.BinaryField(
        max_length=32, null=True, help_text="of the payload it came with; the event keeps that once: payload_holder"
    )
    warnings = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["device", "received_at"], name="sos_signals_of_device"),
            models.Index(fields=["user", "received_at"], name="sos_signals_of_user"),
        ]

    def __str__(self) -> str:
        return f"signal {self.pk} of {self.event_id}"

    @property
    def payload_holder(self) -> "Signal | None":
        """The signal of the same event that holds this one's payload, perhaps itself; None when it came without one."""
        if self.payload_digest is None:
            return None
        same = Signal.objects.filter(event=self.event_id, payload_digest=self.payload_digest)
        return same.filter(raw_payload__isnull=False).order_by("pk").first()


class HelperAlert(models.Model):
    """One helper called to one event."""

    event = models.ForeignKey(SosEvent, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    helper = models.ForeignKey(User, on_delete=models.CASCADE, related_name="helper_alerts")
    wave = models.PositiveSmallIntegerField(help_text="0: sent by a dispatcher")
    distance_m = models.FloatField(null=True, blank=True)
    area_distance_m = models.PositiveIntegerField(
        null=True, blank=True, help_text="as the helper is told: from the area's centre, coarse"
    )
    status = models.CharField(max_length=10, choices=AlertStatus.choices, default=AlertStatus.NOTIFIED)
    rings = models.PositiveSmallIntegerField(default=1)
    rung_at = models.DateTimeField()
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    progress_at = models.DateTimeField(null=True, blank=True, help_text="when they last came nearer")
    progress_m = models.FloatField(null=True, blank=True, help_text="how far they were then")
    asked_at = models.DateTimeField(null=True, blank=True, help_text="when they were asked whether they still come")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "helper"], name="sos_one_alert_per_helper")]

    def __str__(self) -> str:
        return f"alert {self.pk}: {self.status}"


class HelperClaim(models.Model):
    """The one event that a helper's phone rings for, or that they come to. Every helper has a row (see the migration).

    until: so long they may answer; in the past they are free, infinity says that they come. Only statements of ours
    read and write it (sql.py): Python has no infinite time.
    """

    helper = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    # No constraint and no index: a claim changes hands without touching the event's row or any page but its own.
    event = models.ForeignKey(
        SosEvent, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    is_drill = models.BooleanField(db_default=False)
    rank = models.PositiveSmallIntegerField(db_default=0)
    until = models.DateTimeField(db_default=RawSQL("'-infinity'::timestamptz", []))
    withdrew_at = models.DateTimeField(null=True, help_text="when they last accepted and withdrew")
    unsteady_at = models.DateTimeField(null=True, help_text="when they last did so for the second time within an hour")

    def __str__(self) -> str:
        return f"claim on {self.helper_id}"


class LostClaim(models.Model):
    """An event whose called helper now rings for, or comes to, another one: the sweep calls somebody else."""

    event = models.ForeignKey(SosEvent, on_delete=models.CASCADE, related_name="+")
    helper = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"event {self.event_id} lost {self.helper_id}"


class JournalEntry(models.Model):
    """One thing that happened, at its position in the one order of everything. Holds ids, never personal data.

    PostgreSQL refuses to change or delete one (see the migrations). `status`: the event's, once it had happened.
    """

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
    status = models.CharField(max_length=12, choices=EventStatus.choices, blank=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "journal entries"
        indexes = [
            models.Index(fields=["-position"], name="sos_deeds", condition=models.Q(event__isnull=True)),
            models.Index(
                KeyTextTransform("person", "data"), name="sos_deeds_of", condition=models.Q(event__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.kind}"


class EventNote(models.Model):
    """What a dispatcher wrote down about an event."""

    event = models.ForeignKey(SosEvent, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=2000)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"note {self.pk} of {self.event_id}"


class ConsolePresence(models.Model):
    """A dispatcher's console is connected; told every few seconds while it is."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"console of {self.user_id}"


def default_waves() -> list[dict[str, int]]:
    return [
        {"radius_m": 1500, "helpers": 8, "wait_s": 30},
        {"radius_m": 3000, "helpers": 15, "wait_s": 30},
        {"radius_m": 5000, "helpers": 30, "wait_s": 60},
        {"radius_m": 10000, "helpers": 50, "wait_s": 120},
    ]


class DispatchPolicy(models.Model):
    """Whom to call, how far out, how long to wait: for one type of event, or (blank) for all without one of their own.

    Metres, people, seconds; the defaults are those of docs/dispatch.md.
    """

    detected_type = models.CharField(max_length=16, choices=DetectedType.choices, blank=True, unique=True)
    waves = models.JSONField(default=default_waves)
    enough_helpers = models.PositiveSmallIntegerField(default=2)
    repeat_s = models.PositiveIntegerField(default=120)
    contacts_after_s = models.PositiveIntegerField(default=60)
    escalate_after_s = models.PositiveIntegerField(default=60)
    dedup_window_s = models.PositiveIntegerField(default=300)
    position_max_age_s = models.PositiveIntegerField(default=3600)
    receipt_timeout_s = models.PositiveIntegerField(default=15)
    movement_ask_s = models.PositiveIntegerField(default=180)
    movement_release_s = models.PositiveIntegerField(default=300)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "dispatch policies"

    def __str__(self) -> str:
        return self.detected_type or "all types"
