"""Wrong passwords and codes, counted by django-axes: beyond so many of a phone each waits longer than the one before,
and so many from an address lock it for a while. A browser or app that has signed in before is counted by itself
(`api/lockout.py`): nobody is kept out by what strangers try.

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
from django.db.models import Max, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from .. import sql
from ..models import PasswordTry, Registration

REGISTRATIONS_WITHIN = timedelta(hours=1)
WAIT_GROWS_S, WAIT_MOST_S = 30, 600  # of registrations beyond the limit: a whole town may share an address
FIRST_DELAY_S = 60
KNOWN = "/"
"""Between a phone and what a browser or app that has signed in with it before is known by."""
CODE = "code of "
"""Before a phone whose second factor is tried: a right password, which a thief has, does not forget wrong codes."""
TRY_LASTS = timedelta(seconds=60)  # longer than a password is ever looked at; after it, its process has died
NONE_UNDER_WAY = PasswordTry.objects.none()


def _seconds_left(attempts: Any, limit: int) -> int:
    """Seconds until so many of `attempts` have run out that fewer than `limit` failures are left; 0: there are."""
    lasting: timedelta = settings.AXES_COOLOFF_TIME
    failures, now = 0, timezone.now()
    recent = attempts.filter(attempt_time__gt=now - lasting).order_by("-attempt_time")
    for last, times in recent.values_list("attempt_time", "failures_since_start")[:limit]:
        failures += times
        if failures >= limit:
            left: timedelta = last + lasting - now
            return max(1, math.ceil(left.total_seconds()))
    return 0


def _seconds_delayed(phone: str, under_way: QuerySet[PasswordTry]) -> int:
    """Seconds until the next try for a phone: after so many failures each one more waits twice as long as the one
    before, up to LOGIN_LOCK_S. 0: it may be made; 1: those under way may turn out to be failures yet.

    These are counted last: a try that turns into a failure meanwhile must not count twice.
    """
    lasting: timedelta = settings.AXES_COOLOFF_TIME
    limit, now = settings.LOGIN_FAILURES_PER_PHONE, timezone.now()
    recent = AccessAttempt.objects.filter(username=phone, attempt_time__gt=now - lasting)
    lately = recent.aggregate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    failures = lately["failures"] or 0
    if failures >= limit:
        wait_s = min(lasting.total_seconds(), FIRST_DELAY_S * 2 ** min(failures - limit, 20))
        left_s = (lately["last"] - now).total_seconds() + wait_s
        return math.ceil(left_s) if left_s > 0 else int(under_way.exists())
    return int(failures + under_way.count() >= limit)


def seconds_locked_from(address: str | None) -> int:
    """For how many seconds nothing is tried from an address; 0: it may."""
    if address is None:
        return 0
    return _seconds_left(AccessAttempt.objects.filter(ip_address=address), settings.LOGIN_FAILURES_PER_ADDRESS)


def seconds_locked(phone: str, address: str | None, under_way: QuerySet[PasswordTry] = NONE_UNDER_WAY) -> int:
    """For how many seconds nothing is tried for a phone, or from an address; 0: it may."""
    return max(_seconds_delayed(phone, under_way), seconds_locked_from(address))


def begin_try(phone: str, address: str | None) -> tuple[int | None, int]:
    """The id of the try, counted from now on; or None and for how many seconds none is taken."""
    under_way = PasswordTry.objects.filter(phone=phone, began_at__gt=Now() - TRY_LASTS)
    if locked_for_s := seconds_locked(phone, address, under_way):
        return None, locked_for_s
    lock_lasts: timedelta = settings.AXES_COOLOFF_TIME
    lasting = {"try_s": TRY_LASTS.total_seconds(), "lock_s": lock_lasts.total_seconds(), "first_s": FIRST_DELAY_S}
    with connection.cursor() as cursor:
        cursor.execute(sql.BEGIN_TRY, {"phone": phone, "limit": settings.LOGIN_FAILURES_PER_PHONE, **lasting})
        cursor.nextset()
        begun = cursor.fetchone()
    return (begun[0], 0) if begun else (None, max(1, seconds_locked(phone, address)))


def end_try(begun: int) -> None:
    """What became of the try is known; again: nothing."""
    PasswordTry.objects.filter(pk=begun).delete()


def counted(phone: str, known: str) -> str:
    """What failures are counted for: a phone, or what has signed in with it before."""
    return f"{phone}{KNOWN}{known}" if known else phone


def forget(phone: str) -> int:
    """Deletes the failures of a phone, also of those who have signed in with it before."""
    count, _ = AccessAttempt.objects.filter(Q(username=phone) | Q(username__startswith=f"{phone}{KNOWN}")).delete()
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
