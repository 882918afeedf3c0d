"""Wrong passwords and codes, counted by django-axes: so many of a phone, or from an address, lock it for a while."""

import math
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.utils import timezone
from phonenumber_field.phonenumber import to_python


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


def _seconds_locked(phone: str, address: str | None) -> int:
    of_phone = _seconds_left(AccessAttempt.objects.filter(username=phone), settings.LOGIN_FAILURES_PER_PHONE)
    if address is None:
        return of_phone
    from_address = AccessAttempt.objects.filter(ip_address=address)
    return max(of_phone, _seconds_left(from_address, settings.LOGIN_FAILURES_PER_ADDRESS))


class LoginLimits(AxesDatabaseHandler):
    """axes' record of failures under a limit for a phone and another for an address, which thousands may share."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        request.locked_for_s = _seconds_locked(phone_of(request, credentials), request.axes_ip_address)
        return bool(request.locked_for_s)

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Asked after a failure, to tell whether it was the last one allowed: axes' limit then, else none."""
        locked = _seconds_locked(phone_of(request, credentials), request.axes_ip_address)
        return int(settings.AXES_FAILURE_LIMIT) if locked else 0

    def user_login_failed(self, sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
        """One row a phone and address: what browser it was tells nothing and can be changed at will."""
        if request:
            request.axes_user_agent = request.axes_http_accept = ""
        super().user_login_failed(sender, credentials, request, **kwargs)

    def reset_user_attempts(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Only the phone's: whoever tries others' phones must not start anew by signing in to their own."""
        return forget(phone_of(request, credentials))


def seconds_refused(request: HttpRequest) -> int:
    """For how long the sign-in just tried with `request` was refused without looking at the password; 0: it was not."""
    return getattr(request, "locked_for_s", 0)


def seconds_locked(request: HttpRequest, phone: str) -> int:
    """For how long nothing may be tried for `phone` by this client; 0: it may."""
    AxesProxyHandler.is_locked(request, {"username": phone})
    return seconds_refused(request)


def count_failure(request: HttpRequest, phone: str) -> None:
    user_login_failed.send(sender=__name__, credentials={"username": phone}, request=request)


def forget(phone: str) -> int:
    """Deletes the failures of a phone."""
    count, _ = AccessAttempt.objects.filter(username=phone).delete()
    return int(count)
