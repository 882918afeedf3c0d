from celery import shared_task

from .delivery import deliver_due


@shared_task(name="notifications.deliver")
def deliver(channel: str) -> None:
    """Sends what is due on `channel`."""
    deliver_due(channel)
