"""Housekeeping on the beat."""

from celery import shared_task
from django.core.management import call_command

from .rules import limits, resets


@shared_task(name="users.flush_expired_tokens")
def flush_expired_tokens() -> None:
    """Tokens, sessions and codes that have run out: every sign-in leaves a row."""
    call_command("flushexpiredtokens")
    call_command("clearsessions")
    resets.forget_old()
    limits.forget_old()
