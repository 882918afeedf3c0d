"""Housekeeping on the beat."""

from celery import shared_task

from .rules import limits, resets, sessions


@shared_task(name="users.flush_expired_tokens")
def flush_expired_tokens() -> None:
    """Tokens, sessions and codes that have run out: every sign-in leaves a row."""
    sessions.forget_old()
    resets.forget_old()
    limits.forget_old()
