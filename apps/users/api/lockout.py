"""The limits on wrong passwords and codes, as django-axes and the views ask for them: by the request."""

import secrets
from ipaddress import IPv6Address, ip_address
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from phonenumber_field.phonenumber import to_python
from rest_framework.exceptions import Throttled

from mdd_backend.digests import keyed

from ..models import User
from ..rules import limits, sessions
from ..rules.tokens import RefreshToken, once_valid

COOKIE, COOKIE_LASTS_S = "known", 365 * 86_400
WITH_FACTOR, WITHOUT = "f", "p"


def phone_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Whose failure it is: E.164 however the phone was written, as typed when it is none.

    A browser or app that has signed in with this phone before has failures of its own. For codes of the second factor
    only a browser counts that has given one before: a password is enough to be known otherwise.
    """
    typed = (credentials or {}).get("username") or request.POST.get("username") or ""
    phone = str(to_python(str(typed), region=settings.PHONENUMBER_DEFAULT_REGION))[:200]
    browser = _known_browser(request, phone)
    if getattr(request, "gives_code", False):
        return limits.counted(limits.CODE + phone, browser if browser.startswith(WITH_FACTOR) else "")
    return limits.counted(phone, _known_app(request, phone) or browser)


def _known_app(request: HttpRequest, phone: str) -> str:
    """The id of a refresh token of this phone's account, good or ended, that the app has sent along."""
    claims = once_valid(getattr(request, "known_by", ""), RefreshToken)
    user = sessions.account_once_of(claims) if claims else None
    return str(claims["jti"])[:32] if claims and user and str(user.phone_number) == phone else ""


def _known_browser(request: HttpRequest, phone: str) -> str:
    """What the cookie of `remember` for this phone holds, if it is ours."""
    for cookie in _cookies_of(phone):
        name, _, signature = request.COOKIES.get(cookie, "").partition(".")
        if name and any(constant_time_compare(good, signature) for good in _signatures(phone, name)):
            return name
    return ""


def _cookies_of(phone: str) -> list[str]:
    """One for each phone: dispatchers share a desk."""
    return [f"{COOKIE}-{digest.hex()[:12]}" for digest in keyed("apps.users.api.lockout.cookie", phone)]


def _signatures(phone: str, name: str) -> list[str]:
    return [digest.hex()[:32] for digest in keyed("apps.users.api.lockout", f"{phone}/{name}")]


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """From now on this browser is known by what strangers cannot know: their wrong passwords do not keep it out."""
    phone = str(user.phone_number)
    now = WITH_FACTOR if getattr(request, "gives_code", False) else WITHOUT
    known = _known_browser(request, phone)
    name = known if known.startswith((now, WITH_FACTOR)) else f"{now}{secrets.token_hex(8)}"
    value = f"{name}.{_signatures(phone, name)[0]}"
    secure = settings.SESSION_COOKIE_SECURE
    cookie = _cookies_of(phone)[0]
    response.set_cookie(cookie, value, max_age=COOKIE_LASTS_S, secure=secure, httponly=True, samesite="Lax")


def address_of(request: HttpRequest) -> str | None:
    """The client's address, which uvicorn has resolved behind a proxy; of IPv6 the /64, all of which one person has."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


def end_try(request: HttpRequest) -> None:
    """What became of the try is known; again: nothing."""
    if begun := getattr(request, "password_try", None):
        limits.end_try(begun)


class LoginLimits(AxesDatabaseHandler):
    """axes' record of failures under a limit for a phone and another for an address, which thousands may share."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Begins a try unless it is."""
        begun = limits.begin_try(phone_of(request, credentials), request.axes_ip_address)
        request.password_try, request.locked_for_s = begun
        return bool(request.locked_for_s)

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Asked after a failure, to tell whether it was the last one allowed: axes' limit then, else none."""
        locked = limits.seconds_locked(phone_of(request, credentials), request.axes_ip_address)
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
        counted = phone_of(request, credentials)
        return sum(map(limits.forget, {counted, counted.removeprefix(limits.CODE)}))


def seconds_refused(request: HttpRequest) -> int:
    """For how long the sign-in just tried with `request` was refused without looking at the password; 0: it was not."""
    return getattr(request, "locked_for_s", 0)


def seconds_no_code(request: HttpRequest, phone: str) -> int:
    """For how long no code of `phone`'s second factor may be tried; 0: it may, and the try has begun."""
    request.gives_code = True  # type: ignore[attr-defined]
    AxesProxyHandler.is_locked(request, {"username": phone})
    return seconds_refused(request)


def refuse(seconds: int) -> None:
    """Raises Throttled while nothing is tried."""
    if seconds:
        raise Throttled(seconds, "Too many wrong attempts.")


def known_by_password(request: HttpRequest, phone: str, password: str) -> User | None:
    """The person whose phone and password these are; a failure is counted. Raises Throttled while locked."""
    try:
        user = authenticate(request, username=phone, password=password)
    finally:
        end_try(request)
    refuse(seconds_refused(request))
    return user if isinstance(user, User) else None


def seconds_locked_from(request: HttpRequest) -> int:
    """For how many seconds nothing is tried from the caller's address; no phone counts."""
    return limits.seconds_locked_from(address_of(request))


def forget_failures(request: HttpRequest, user: User) -> None:
    """They are signed in: what was wrong before counts no more."""
    user_logged_in.send(sender=User, request=request, user=user)


def count_failure(request: HttpRequest, phone: str) -> None:
    """A wrong code; of no phone: it counts for the address only."""
    user_login_failed.send(sender=__name__, credentials={"username": phone}, request=request)
