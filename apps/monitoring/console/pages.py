"""The console's pages: signing in, and the one page on which everything else happens."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.sos.kinds import Outcome
from apps.users.admin_login import SignInForm
from apps.users.api import lockout
from apps.users.models import User
from apps.users.rules import second_factor
from mdd_backend.web import csp

from . import factor_page, links
from .words import WORDS

CONSOLE, SIGN_IN = "/console/", "/console/sign-in/"


@require_GET
@never_cache
def console(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or not user.is_staff:
        return HttpResponseRedirect(SIGN_IN)
    with translation.override(user.language):
        outcomes = [(value, WORDS[f"outcome.{value}"]) for value in Outcome.values]
        page = _page(request, "console", {"config": _config(request, user), "outcomes": outcomes})
    page.headers[csp.HEADER] = csp.policy(csp.map_sources())
    lockout.remember(request, page, user)
    return page


def _config(request: HttpRequest, user: User) -> dict[str, Any]:
    me = {
        "uuid": str(user.uuid),
        "full_name": user.full_name or str(user.phone_number),
        "on_duty": user.on_duty,
        "language": user.language,
    }
    chosen_map = {
        "styleUrl": settings.MAP_STYLE_URL or None,
        "tilesUrl": settings.MAP_TILES_URL or None,
        "attribution": settings.MAP_ATTRIBUTION,
        "outlineUrl": static("console/data/outline.json"),
        "workerUrl": static("console/vendor/maplibre-gl/maplibre-gl-csp-worker.js"),
    }
    return {"me": me, "csrf": get_token(request), "words": _words(), "map": chosen_map}


def _words() -> dict[str, str]:
    return {key: str(text) for key, text in WORDS.items()}


def _page(request: HttpRequest, name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    shown = {"words": _words(), "language": translation.get_language(), **context}
    page = render(request, f"console/{name}.html", shown, status=status)
    page.headers["Cache-Control"] = "no-store"
    page.headers["Referrer-Policy"] = "same-origin"
    return page


class _SignIn(LoginView):
    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not second_factor.is_asked(user):
            return factor_page.enter(self.request, user, HttpResponseRedirect(self.get_success_url()))
        return factor_page.ask(self.request, user, self.get_success_url())


@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Phone and password, of dispatchers only; under the same limits as everywhere."""
    with translation.override(translation.get_language_from_request(request)):
        view = _SignIn.as_view(
            template_name="console/sign_in.html",
            authentication_form=SignInForm,
            next_page=CONSOLE,
            extra_context={"words": _words(), "language": translation.get_language()},
        )
        response: Any = view(request)
        if hasattr(response, "render"):
            response.render()
    if wait := lockout.seconds_refused(request):
        response.status_code = 429
        response.headers["Retry-After"] = str(wait)
    return response  # type: ignore[no-any-return]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_page(request: HttpRequest) -> HttpResponse:
    """The second factor, or setting one up; who has days of grace left may do that later."""
    waiting = factor_page.who_waits(request)
    if waiting is None:
        return HttpResponseRedirect(SIGN_IN)
    user, then = waiting
    with translation.override(user.language):
        if request.method != "POST":
            return _page(request, "second_factor", factor_page.shown_of(request, user))
        if "later" in request.POST and not second_factor.is_required(user):
            return factor_page.enter(request, user, HttpResponseRedirect(then))
        recovery_codes = factor_page.give(request, user, request.POST.get("code", ""))
        if recovery_codes is None:
            return _wrong_code(request, user)
        page = _page(request, "recovery_codes", {"codes": recovery_codes, "then": then}) if recovery_codes else None
        return factor_page.enter(request, user, page or HttpResponseRedirect(then))


def _wrong_code(request: HttpRequest, user: User) -> HttpResponse:
    wait = lockout.seconds_refused(request)
    page = _page(
        request, "second_factor", {"is_wrong": True, **factor_page.shown_of(request, user)}, 429 if wait else 400
    )
    if wait:
        page.headers["Retry-After"] = str(wait)
    return page


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(SIGN_IN)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, signed: str) -> HttpResponse:
    """Only POST signs in, since link previews fetch the page too."""
    user = links.use(signed) if request.method == "POST" else links.holder_of(signed)
    if user and request.method == "POST":
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return HttpResponseRedirect(CONSOLE)
    language = user.language if user else translation.get_language_from_request(request)
    with translation.override(language):
        return _page(request, "link", {"holder": user}, 200 if user else 410)
