"""The second page of signing in: the code of an authenticator app, or setting one up.

Whoever has only given the password has no session yet: that waits in their browser's, for ten minutes.
"""

import time
from typing import Any

import segno
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import mark_safe

from apps.users.api import lockout
from apps.users.models import User
from apps.users.rules import second_factor, sessions

BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGE = "/console/second-factor/"
_WAITS, LASTS_S = "second_factor", 600


def ask(request: HttpRequest, user: User, then: str) -> HttpResponse:
    """Sends somebody who has given the password to the second page; `then`: where they wanted to go."""
    second_factor.begin_grace(user)
    request.session.cycle_key()
    request.session[_WAITS] = {"user": user.pk, "then": then, "until": time.time() + LASTS_S}
    return HttpResponseRedirect(PAGE)


def who_waits(request: HttpRequest) -> tuple[User, str] | None:
    """Whoever has given the password in this browser lately, and where they wanted to go."""
    waits = request.session.get(_WAITS)
    if not waits or waits["until"] < time.time():
        return None
    user = User.objects.filter(pk=waits["user"]).first()
    return (user, waits["then"]) if user and user.is_staff and second_factor.is_asked(user) else None


def _sign_in_of(request: HttpRequest) -> str:
    return sessions.key_of_browser(request.session.session_key or "")


def enter(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """They are signed in now; the same response."""
    request.session.pop(_WAITS, None)
    login(request, user, backend=BACKEND)
    lockout.remember(request, response, user)
    return response


def shown_of(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the page shows: nothing but a field, or the secret that is being set up."""
    if user.second_factor_at is not None:
        return {"is_new": False}
    begun = second_factor.begin(user, _sign_in_of(request))
    drawn = segno.make(begun.url, micro=False).svg_inline(scale=5, border=2, omitsize=True)
    shown = {"secret": begun.secret, "picture": mark_safe(drawn)}  # noqa: S308 - our own drawing of our own text
    return shown | {
        "is_new": True,
        "may_wait": not second_factor.is_required(user),
        "due_at": user.second_factor_due_at,
    }


def give(request: HttpRequest, user: User, code: str) -> list[str] | None:
    """Takes a code; the recovery codes where it set one up. None: it was wrong, which counts as a wrong password."""
    phone = str(user.phone_number)
    if lockout.seconds_no_code(request, phone):
        return None
    try:
        if user.second_factor_at is None:
            return second_factor.confirm(user, code, _sign_in_of(request))
        second_factor.use(user, code)
    except (second_factor.WrongCode, second_factor.NotBegun):
        lockout.count_failure(request, phone)
        return None
    finally:
        lockout.end_try(request)
    return []
