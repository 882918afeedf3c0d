"""Wrong passwords and codes, counted by django-axes: so many of a phone, or from an address, lock it for a while.

A try counts for its phone before anybody looks at the password, so that of many at once no more than the limit are
looked at. It does not count for its address: thousands may sign in from one at a time.
"""

import math
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.db import connection, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from phonenumber_field.phonenumber import to_python

from ..models import PasswordTry

TRY_LASTS = timedelta(seconds=60)  # longer than a password is ever looked at; after it, its process has died


def phone_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Whose failure it is: E.164 however the phone was written, as typed when it is none."""
    typed = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(to_python(str(typed), region=settings.PHONENUMBER_DEFAULT_REGION))[:255]


def address_of(request: HttpRequest) -> str | None:
    """The client's address, which uvicorn has resolved behind a proxy; of IPv6 the /64, all of which one person has."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


def _seconds_left(attempts: Any, limit: int, under_way: int = 0) -> int:
    """Seconds until so many of `attempts` have run out that fewer than `limit` failures are left; 0: there are.

    `under_way`: how many tries may turn out to be failures yet; where only these are too many, 1.
    """
    lasting: timedelta = settings.AXES_COOLOFF_TIME
    failures, now = 0, timezone.now()
    recent = attempts.filter(attempt_time__gt=now - lasting).order_by("-attempt_time")
    for last, times in recent.values_list("attempt_time", "failures_since_start")[:limit]:
        failures += times
        if failures >= limit:
            left: timedelta = last + lasting - now
            return max(1, math.ceil(left.total_seconds()))
    return int(failures + under_way >= limit)


def _seconds_locked(phone: str, address: str | None, under_way: int = 0) -> int:
    of_phone = _seconds_left(AccessAttempt.objects.filter(username=phone), settings.LOGIN_FAILURES_PER_PHONE, under_way)
    if address is None:
        return of_phone
    from_address = AccessAttempt.objects.filter(ip_address=address)
    return max(of_phone, _seconds_left(from_address, settings.LOGIN_FAILURES_PER_ADDRESS))


def _begin_try(phone: str, address: str | None) -> tuple[int | None, int]:
    """The id of the try, counted from now on; or None and for how many seconds none is taken."""
    under_way = PasswordTry.objects.filter(phone=phone, began_at__gt=Now() - TRY_LASTS).count()
    if locked_for_s := _seconds_locked(phone, address, under_way):
        return None, locked_for_s
    lock_lasts: timedelta = settings.AXES_COOLOFF_TIME
    lasting = {"try_s": TRY_LASTS.total_seconds(), "lock_s": lock_lasts.total_seconds()}
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, {"phone": phone, "limit": settings.LOGIN_FAILURES_PER_PHONE, **lasting})
        cursor.nextset()
        begun = cursor.fetchone()
    return (begun[0], 0) if begun else (None, max(1, _seconds_locked(phone, address)))


# One transaction and one way there and back: whoever waits for the lock holds a connection. The second statement sees
# what those before have committed.
_BEGIN = """
SELECT pg_advisory_xact_lock(hashtextextended('password of ' || %(phone)s, 0));
INSERT INTO users_passwordtry (phone, began_at) SELECT %(phone)s, statement_timestamp()
WHERE (
    SELECT count(*) FROM users_passwordtry
    WHERE phone = %(phone)s AND began_at > statement_timestamp() - make_interval(secs => %(try_s)s)
) + (
    SELECT coalesce(sum(failures_since_start), 0) FROM axes_accessattempt
    WHERE username = %(phone)s AND attempt_time > statement_timestamp() - make_interval(secs => %(lock_s)s)
) < %(limit)s
RETURNING id
"""


def end_try(request: HttpRequest) -> None:
    """What became of the try is known; again: nothing."""
    if begun := getattr(request, "password_try", None):
        PasswordTry.objects.filter(pk=begun).delete()


class LoginLimits(AxesDatabaseHandler):
    """axes' record of failures under a limit for a phone and another for an address, which thousands may share."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Begins a try unless it is."""
        begun = _begin_try(phone_of(request, credentials), request.axes_ip_address)
        request.password_try, request.locked_for_s = begun
        return bool(request.locked_for_s)

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Asked after a failure, to tell whether it was the last one allowed: axes' limit then, else none."""
        locked = _seconds_locked(phone_of(request, credentials), request.axes_ip_address)
        return int(settings.AXES_FAILURE_LIMIT) if locked else 0

    @transaction.atomic
    def user_login_failed(self, sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
        """One row a phone and address: what browser it was tells nothing and can be changed at will."""
        if request:
            request.axes_user_agent = request.axes_http_accept = ""
        super().user_login_failed(sender, credentials, request, **kwargs)
        end_try(request)

    def reset_user_attempts(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Only the phone's: whoever tries others' phones must not start anew by signing in to their own."""
        end_try(request)
        return forget(phone_of(request, credentials))


def seconds_refused(request: HttpRequest) -> int:
    """For how long the sign-in just tried with `request` was refused without looking at the password; 0: it was not."""
    return getattr(request, "locked_for_s", 0)


def seconds_locked(request: HttpRequest, phone: str) -> int:
    """For how long nothing may be tried for `phone` by this client; 0: it may, and the try has begun."""
    AxesProxyHandler.is_locked(request, {"username": phone})
    return seconds_refused(request)


def count_failure(request: HttpRequest, phone: str) -> None:
    user_login_failed.send(sender=__name__, credentials={"username": phone}, request=request)


def forget(phone: str) -> int:
    """Deletes the failures of a phone."""
    count, _ = AccessAttempt.objects.filter(username=phone).delete()
    return int(count)


def forget_old() -> None:
    """Deletes the tries that a process left when it died."""
    PasswordTry.objects.filter(began_at__lte=Now() - TRY_LASTS).delete()
