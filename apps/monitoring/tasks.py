"""What beat has done again and again."""

from datetime import timedelta

from celery import shared_task

from apps.devices.rules.trouble import check_devices

from .health import pulse


@shared_task(name="monitoring.beat")
def beat() -> None:
    """Seen only where beat, Redis and a worker are alive."""
    pulse.note(pulse.BEAT, timedelta())


@shared_task(name="monitoring.device_watch")
def device_watch() -> None:
    """One round of the checks over devices."""
    pulse.note(pulse.DEVICE_WATCH, timedelta())
    check_devices(pulse.alive_since(pulse.DEVICE_WATCH))
