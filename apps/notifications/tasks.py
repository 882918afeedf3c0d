"""Celery's side of delivery."""

from celery import shared_task
from celery.signals import worker_ready

from .models import Channel
from .rules.caps import forget_counts
from .rules.delivery import deliver_due, prepare
from .rules.queueing import retire_push_tokens as retire


@shared_task(name="notifications.deliver")
def deliver(channel: str) -> None:
    """Sends what is due on `channel`."""
    deliver_due(channel)


@shared_task(name="notifications.retire_push_tokens")
def retire_push_tokens() -> None:
    """Forgets push tokens that no app has refreshed for 60 days."""
    retire()


@shared_task(name="notifications.forget_text_counts")
def forget_text_counts() -> None:
    """Forgets how many texts went out before yesterday."""
    forget_counts()


@worker_ready.connect
def on_worker_ready(**_: object) -> None:
    """Prepares the connections to providers before the first message."""
    for channel in Channel.values:
        prepare(channel)
