"""Watches and phones, where they are, and where they have been."""

import uuid

from django.contrib.gis.db.models import PointField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from phonenumber_field.modelfields import PhoneNumberField

from apps.users.models import User

DEVICE_UID = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
INTERVAL_LEAST_S, INTERVAL_MOST_S = 10, 86_400


ESTABLISHED_DAYS = 3
"""On so many days a device must have reported: whoever makes up hundreds of them must not decide for everybody."""


class Device(models.Model):
    """A watch or a phone, known by the serial it calls itself; with what its owner wants helpers to know."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    device_uid = models.CharField(max_length=64, unique=True, validators=[RegexValidator(f"^{DEVICE_UID}$")])
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices")
    model = models.CharField(max_length=100, blank=True)
    sim_number = models.CharField(max_length=32, null=True, blank=True)
    wearer_name = models.CharField(max_length=150, blank=True)
    wearer_phone = PhoneNumberField(null=True, blank=True)
    medical_note = models.CharField(max_length=2000, blank=True)
    address_note = models.CharField(max_length=500, blank=True)
    battery_level = models.PositiveSmallIntegerField(null=True, blank=True)
    battery_at = models.DateTimeField(null=True, blank=True)
    is_online = models.BooleanField(default=False)
    last_seen_via = models.CharField(max_length=16, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    days_seen = models.SmallIntegerField(default=0, db_default=0, help_text="on how many days it has reported (UTC)")
    seen_day = models.DateField(null=True, blank=True, help_text="the last of them")
    proven_at = models.DateTimeField(
        null=True, blank=True, help_text="when a dispatcher said that the watch and its wearer are real"
    )
    position = PointField(geography=True, null=True, blank=True, spatial_index=False)
    position_at = models.DateTimeField(null=True, blank=True)
    track_room_at = models.DateTimeField(
        null=True, blank=True, help_text="when its track has room again for all the fixes that it takes at once"
    )
    reachable_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="by our clock: when somebody as fast as possible can be where it said that it is",
    )
    expected_interval_s = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(INTERVAL_LEAST_S), MaxValueValidator(INTERVAL_MOST_S)],
        help_text="how often it reports; else as all are told to",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    @property
    def is_established(self) -> bool:
        """Has reported on three days, or a dispatcher knows it and its wearer: nobody has made it up just now."""
        return self.days_seen >= ESTABLISHED_DAYS or self.proven_at is not None

    def __str__(self) -> str:
        return self.device_uid

    @property
    def whose_name(self) -> str:
        """Of whoever wears it."""
        return self.wearer_name or self.owner.full_name

    @property
    def has_token(self) -> bool:
        return hasattr(self, "token")


class TroubleKind(models.TextChoices):
    SILENT = "SILENT", "silent"
    BATTERY_LOW = "BATTERY_LOW", "low battery"


class Trouble(models.Model):
    """A device is silent, or low on battery; `over_at` says since when it is not any more. Two rows a device at most.

    Apart from the device: an index on what reports change would make each of them cost more.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="troubles", db_index=False)
    kind = models.CharField(max_length=12, choices=TroubleKind.choices)
    since = models.DateTimeField()
    over_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="when its owner was told, or was not to be")
    contacts_told_at = models.DateTimeField(
        null=True, blank=True, help_text="of this trouble when after told_at, else of an earlier one"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "kind"], name="devices_trouble_once")]
        indexes = [
            models.Index(fields=["since"], name="devices_in_trouble", condition=models.Q(over_at__isnull=True)),
            models.Index(fields=["over_at"], name="devices_trouble_over", condition=models.Q(over_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device_id}"


class DeviceToken(models.Model):
    """A device's own credential. Only its digest is kept: the token is shown once."""

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="token")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token of {self.device_id}"

    def revoke(self) -> None:
        """From now on it opens an SOS and does nothing else."""
        RevokedToken.objects.create(
            digest=self.digest, owner_id=self.device.owner_id, device=self.device, revoked_at=Now()
        )
        self.delete()


class RevokedToken(models.Model):
    """A device token that was good once: it still opens an SOS, and does nothing else.

    owner: whose device it was then. device: it, as long as it is theirs.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"revoked token of {self.device_id}"


class DeviceClaim(models.Model):
    """A code by which another account may register the device. Only its digest is kept; it is good for a while."""

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"claim code of {self.device_id}"


class ClaimTry(models.Model):
    """An account has tried a code for somebody else's device: it may do so a few times an hour."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"try of {self.user_id}"


class HelperPosition(models.Model):
    """Where a helper was last seen: narrow and apart, since its index makes every update of a row cost more.

    Each helper has one, made with the role by a trigger on the people, as long as they are one; nowhere: not seen yet.
    Of its two indexes on `position` one has who is on call, the other who is not: Django can make neither (0010).
    """

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="helper_position")
    device = models.ForeignKey(Device, null=True, on_delete=models.SET_NULL, related_name="+")
    position = PointField(geography=True, null=True, spatial_index=False)
    recorded_at = models.DateTimeField(null=True)
    on_call = models.BooleanField(
        db_default=False, editable=False, help_text="an active helper on duty; kept by the same trigger"
    )
    jumped_at = models.DateTimeField(
        null=True, editable=False, help_text="when one of their devices last moved faster than possible"
    )

    def __str__(self) -> str:
        return f"helper {self.user_id}"


class LocationTrack(models.Model):
    """One fix of one device. The table is partitioned by day of `recorded_at` (see the first migration)."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="tracks", db_index=False)
    recorded_at = models.DateTimeField()
    received_at = models.DateTimeField()
    position = PointField(geography=True, spatial_index=False)
    speed = models.FloatField(null=True, blank=True)
    direction = models.FloatField(null=True, blank=True)
    battery_level = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "recorded_at"], name="devices_track_once")]

    def __str__(self) -> str:
        return f"{self.device_id} at {self.recorded_at:%Y-%m-%dT%H:%M:%SZ}"
