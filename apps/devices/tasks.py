"""Housekeeping on the beat."""

from datetime import UTC, datetime

from celery import shared_task

from .rules.partitions import create_partitions as create


@shared_task(name="devices.create_partitions")
def create_partitions() -> None:
    """Makes the missing partitions of the days around today."""
    create(datetime.now(UTC).date())
