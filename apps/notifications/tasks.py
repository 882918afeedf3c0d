"""Celery's side of delivery."""

from celery import shared_task
from celery.signals import worker_ready

from .delivery import deliver_due, prepare
from .models import Channel


@shared_task(name="notifications.deliver")
def deliver(channel: str) -> None:
    """Sends what is due on `channel`."""
    deliver_due(channel)


@worker_ready.connect
def on_worker_ready(**_: object) -> None:
    for channel in Channel.values:
        prepare(channel)
