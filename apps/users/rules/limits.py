"""Wrong passwords and codes, counted by django-axes: so many of a phone, or from an address, lock it for a while.

A try counts for its phone before anybody looks at the password, so that of many at once no more than the limit are
looked at. It does not count for its address: thousands may sign in from one at a time.

Accounts made from one address are counted too: beyond so many an hour each waits, and none waits for ever.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from .. import sql
from ..models import PasswordTry, Registration

REGISTRATIONS_WITHIN = timedelta(hours=1)
WAIT_GROWS_S, WAIT_MOST_S = 30, 600  # of registrations beyond the limit: a whole town may share an address
TRY_LASTS = timedelta(seconds=60)  # longer than a password is ever looked at; after it, its process has died
NONE_UNDER_WAY = PasswordTry.objects.none()


def _seconds_left(attempts: Any, limit: int, under_way: QuerySet[PasswordTry] = NONE_UNDER_WAY) -> int:
    """Seconds until so many of `attempts` have run out that fewer than `limit` failures are left; 0: there are.

    `under_way`: tries that may turn out to be failures yet; where only these are too many, 1. They are counted last:
    a try that turns into a failure meanwhile must not count twice.
    """
    lasting: timedelta = settings.AXES_COOLOFF_TIME
    failures, now = 0, timezone.now()
    recent = attempts.filter(attempt_time__gt=now - lasting).order_by("-attempt_time")
    for last, times in recent.values_list("attempt_time", "failures_since_start")[:limit]:
        failures += times
        if failures >= limit:
            left: timedelta = last + lasting - now
            return max(1, math.ceil(left.total_seconds()))
    return int(failures + under_way.count() >= limit)


def seconds_locked(phone: str, address: str | None, under_way: QuerySet[PasswordTry] = NONE_UNDER_WAY) -> int:
    """For how many seconds nothing is tried for a phone, or from an address; 0: it may."""
    of_phone = _seconds_left(AccessAttempt.objects.filter(username=phone), settings.LOGIN_FAILURES_PER_PHONE, under_way)
    if address is None:
        return of_phone
    from_address = AccessAttempt.objects.filter(ip_address=address)
    return max(of_phone, _seconds_left(from_address, settings.LOGIN_FAILURES_PER_ADDRESS))


def begin_try(phone: str, address: str | None) -> tuple[int | None, int]:
    """The id of the try, counted from now on; or None and for how many seconds none is taken."""
    under_way = PasswordTry.objects.filter(phone=phone, began_at__gt=Now() - TRY_LASTS)
    if locked_for_s := seconds_locked(phone, address, under_way):
        return None, locked_for_s
    lock_lasts: timedelta = settings.AXES_COOLOFF_TIME
    lasting = {"try_s": TRY_LASTS.total_seconds(), "lock_s": lock_lasts.total_seconds()}
    with connection.cursor() as cursor:
        cursor.execute(sql.BEGIN_TRY, {"phone": phone, "limit": settings.LOGIN_FAILURES_PER_PHONE, **lasting})
        cursor.nextset()
        begun = cursor.fetchone()
    return (begun[0], 0) if begun else (None, max(1, seconds_locked(phone, address)))


def end_try(begun: int) -> None:
    """What became of the try is known; again: nothing."""
    PasswordTry.objects.filter(pk=begun).delete()


def forget(phone: str) -> int:
    """Deletes the failures of a phone."""
    count, _ = AccessAttempt.objects.filter(username=phone).delete()
    return int(count)


class TooManyRegistrations(Exception):
    """So many accounts were made from an address lately that the next one is taken in `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


@contextmanager
def registration_from(address: str | None, counted: type[Exception]) -> Iterator[None]:
    """Counts an account that is made from an address, unless that fails. Raises TooManyRegistrations.

    counted: a failure that counts too, or numbers could be tried one after another.

    At once no more are taken than one after another. An account is always possible within ten minutes of the one
    before.
    """
    if address is None:
        yield
        return
    begun = _begin_registration(address)
    try:
        yield
    except counted:
        raise
    except Exception:
        Registration.objects.filter(pk=begun).delete()
        raise


def _begin_registration(address: str) -> int:
    """Raises TooManyRegistrations."""
    values: dict[str, Any] = {"address": address, "free": settings.REGISTRATIONS_PER_ADDRESS}
    values |= {"step_s": WAIT_GROWS_S, "most_s": WAIT_MOST_S, "within_s": REGISTRATIONS_WITHIN.total_seconds()}
    with connection.cursor() as cursor:
        cursor.execute(sql.BEGIN_REGISTRATION, values)
        cursor.nextset()
        begun, wait_s = cursor.fetchone()
    if begun is None:
        raise TooManyRegistrations(max(1, math.ceil(wait_s)))
    return int(begun)


def forget_old() -> None:
    """Deletes the tries that a process left when it died, and the registrations that count no more."""
    PasswordTry.objects.filter(began_at__lte=Now() - TRY_LASTS).delete()
    Registration.objects.filter(at__lte=Now() - REGISTRATIONS_WITHIN).delete()
