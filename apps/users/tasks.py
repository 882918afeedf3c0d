"""Housekeeping on the beat."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="users.flush_expired_tokens")
def flush_expired_tokens() -> None:
    """Tokens and sessions that have run out: every sign-in leaves a row."""
    call_command("flushexpiredtokens")
    call_command("clearsessions")
