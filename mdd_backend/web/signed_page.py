"""Pages whose signed address is the credential: for people without an account."""

import secrets
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation


def page(template: str, state: str, status: int, shown: dict[str, Any] | None = None, **options: Any) -> HttpResponse:
    """The page in the present language, in one of the states that its template knows."""
    nonce = secrets.token_urlsafe(16)
    context = {"state": state, "nonce": nonce, "language": translation.get_language(), **(shown or {})}
    answer = HttpResponse(render_to_string(template, context), status=status, **options)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # Django would write the address of a 404 or 410 down
    return guarded(answer, f"'nonce-{nonce}'")


def guarded(response: HttpResponse, styles: str = "'none'") -> HttpResponse:
    """Neither kept, nor told to other sites, nor found by searching, nor able to load anything."""
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {styles}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
