"""What the service knows about itself: signs of life, and what is wrong."""

from datetime import datetime, timedelta

from django.db import models


class Pulse(models.Model):
    """A process, or a job, was alive at `seen_at`, and without a break `since`; by PostgreSQL's clock."""

    name = models.CharField(max_length=32, primary_key=True)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class IncidentKind(models.TextChoices):
    TEXTS_CAPPED = "TEXTS_CAPPED", "a daily cap of text messages is met"
    OVERDUE = "OVERDUE", "what is due is not done"
    NO_DISPATCHER = "NO_DISPATCHER", "an event is open and no dispatcher is connected"


class Incident(models.Model):
    """The last time that something was wrong: operators are alarmed of each once, whoever looks and restarts."""

    UNSEEN = timedelta(seconds=30)  # nobody looked for so long: whether it went on meanwhile is not known
    CALM = timedelta(minutes=10)  # what comes back earlier is the same incident

    kind = models.CharField(max_length=16, choices=IncidentKind.choices, primary_key=True)
    since = models.DateTimeField()
    still_at = models.DateTimeField()
    alarmed_at = models.DateTimeField(null=True, blank=True)
    over_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kind

    def go_on(self, at: datetime) -> None:
        """It is seen at `at`."""
        if self.over_at and at - self.over_at > self.CALM:
            self.alarmed_at = None
        if self.over_at or at - self.still_at > self.UNSEEN:
            self.since = at
        self.still_at, self.over_at = at, None

    def is_alarm_due(self, patience: timedelta) -> bool:
        return self.alarmed_at is None and self.still_at - self.since >= patience
