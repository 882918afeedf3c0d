"""Housekeeping on the beat."""

from celery import shared_task

from .rules import accounts, codes, limits, sessions


@shared_task(name="users.flush_expired_tokens")
def flush_expired_tokens() -> None:
    """Tokens, sessions and codes that have run out: every sign-in leaves a row."""
    sessions.forget_old()
    codes.forget_old()
    limits.forget_old()


@shared_task(name="users.answer_reset_requests")
def answer_reset_requests() -> None:
    """Sends codes for a new password to those who have asked."""
    accounts.answer_reset_requests()
