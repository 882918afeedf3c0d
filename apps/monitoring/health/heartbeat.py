"""Tells somebody outside, each minute, that all is well; when the pings end, they raise the alarm."""

from datetime import timedelta

import httpx
import structlog
from django.conf import settings

from . import pulse
from .checks import condition

log = structlog.get_logger(__name__)
EVERY = timedelta(seconds=60)
TIMEOUT_S = 5


def send_heartbeat() -> None:
    """Asked each second by every sweep, in a thread of its own: one of them pings, and only while all is well."""
    if not settings.HEARTBEAT_URL or not pulse.note(pulse.HEARTBEAT, EVERY):
        return
    if problems := condition()["problems"]:
        log.warning("no heartbeat", problems=problems)
        return
    try:
        httpx.get(settings.HEARTBEAT_URL, timeout=TIMEOUT_S).raise_for_status()
    except httpx.HTTPError as why:
        log.warning("heartbeat failed", reason=type(why).__name__)
