"""Push tokens, and the log of every message to every person."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.users.models import User


class Platform(models.TextChoices):
    ANDROID = "ANDROID", "Android"
    IOS = "IOS", "iOS"


class PushToken(models.Model):
    """One installed app on one phone, as Firebase names it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="push_tokens")
    token = models.CharField(max_length=1024, unique=True)
    platform = models.CharField(max_length=10, choices=Platform.choices)
    session = models.CharField(
        max_length=32, blank=True, default="", db_default="", help_text="the sign-in under which the app gave it"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    refreshed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.platform} token {self.pk}"


class Channel(models.TextChoices):
    FCM = "FCM", "push"
    SMS = "SMS", "text message"


class State(models.TextChoices):
    QUEUED = "QUEUED", "queued"
    SENT = "SENT", "sent"
    RECEIVED = "RECEIVED", "received"
    READ = "READ", "read"
    FAILED = "FAILED", "failed"
    DROPPED = "DROPPED", "no longer needed"


class Urgency(models.IntegerChoices):
    """What is due is sent in this order."""

    FIRST = 0, "first wave"
    USUAL = 1, "usual"


class Notification(models.Model):
    """One message to one person over one channel. It knows its event by uid only.

    contact_id: of the emergency contact it is for, when not for `user` themselves; `user` is then whose contact it is.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    kind = models.CharField(max_length=32)
    urgency = models.PositiveSmallIntegerField(choices=Urgency.choices, default=Urgency.USUAL)
    contact_id = models.BigIntegerField(null=True, blank=True)
    event_uid = models.UUIDField(null=True, blank=True, db_index=True)
    idempotency_key = models.CharField(max_length=120, unique=True)
    data = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    accepted_token_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    provider_id = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="what the provider calls it"
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["channel", "urgency", "due_at"], name="notifications_due", condition=models.Q(state="QUEUED")
            ),
            models.Index(fields=["user", "-id"], name="notifications_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid} {self.state}"


class TextCap(models.TextChoices):
    """What text messages are counted by, each day."""

    ACCOUNT = "account", "of the account on whose behalf they go, beyond the first to each number"
    HELPERS = "helpers", "of these, to helpers and dispatchers, which count here instead"
    CONTACTS = "contacts", "how many numbers of contacts an account has had texted"
    PAIR = "pair", "to the number on behalf of the account"
    CALLS = "calls", "of these, calls for help"
    NUMBER = "number", "to the number"
    COUNTRY = "country", "to numbers of the country"
    DAY = "day", "all"


class TextCount(models.Model):
    """How many text messages of one day, in UTC, count against a cap. key: whose; of a phone number, a digest."""

    day = models.DateField()
    cap = models.CharField(max_length=10, choices=TextCap.choices)
    key = models.CharField(max_length=64)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "cap", "key"], name="notifications_text_count_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.cap} {self.key}: {self.count}"


class NotificationChange(models.Model):
    """One change of a notification's state."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="changes")
    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.notification_id} {self.state}"
