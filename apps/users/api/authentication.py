"""Who is calling: JWT bearer tokens over HTTP and WebSocket, and the session of a dispatcher's browser."""

import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from rest_framework.authentication import SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from ..models import User
from ..rules import sessions
from ..rules.tokens import bearer_of, once_valid


class OnceValid:
    """`request.auth` of a caller whose access token was good once: it opens an SOS, and signs out."""


class AccountAuthentication(JWTAuthentication):
    """simplejwt's, which refuses the erased, and tokens of a session that has ended.

    An SOS is never refused: views that say `banned_may_enter` let in banned accounts, and those that say
    `once_valid_may_enter` whoever has a token that we have signed.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        view = (request.parser_context or {}).get("view")
        try:
            user_and_token: tuple[Any, Token] | None = super().authenticate(request)
        except InvalidToken:
            if not getattr(view, "once_valid_may_enter", False):
                raise
            claims = once_valid(bearer_of(get_authorization_header(request)))
            user = sessions.account_once_of(claims) if claims else None
            if user is None:
                raise
            return user, OnceValid()
        if user_and_token and user_and_token[0].is_banned and not getattr(view, "banned_may_enter", False):
            raise AuthenticationFailed("This account is banned.", code="banned")
        return user_and_token

    def get_user(self, validated_token: Token) -> Any:
        """Raises InvalidToken."""
        user = sessions.account_of(validated_token)
        if user is None:
            raise InvalidToken("Token is no longer valid")
        return user


class DispatcherSession(SessionAuthentication):
    """The console's and the admin's: for dispatchers only, and nothing is changed without Django's CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        signed_in = getattr(request._request, "user", None)
        return super().authenticate(request) if getattr(signed_in, "is_staff", False) else None


@dataclass(frozen=True)
class Visitor:
    """An account with a good access token or session, and when that runs out at the latest (seconds since 1970)."""

    user: User
    until: float


def visitor_of_header(authorization: bytes) -> Visitor | None:
    """The active account whose access token an `Authorization: Bearer …` header carries.

    None without such a header. Raises AuthenticationFailed (simplejwt's InvalidToken too) for a bad one.
    """
    rules = AccountAuthentication()
    raw = rules.get_raw_token(authorization)
    if raw is None:
        return None
    token = rules.get_validated_token(raw)
    user = rules.get_user(token)
    if user.is_banned:
        raise AuthenticationFailed("This account is banned.", code="banned")
    return Visitor(user, float(token["exp"]))


def visitor_of_cookies(cookies: str) -> Visitor | None:
    """The active dispatcher whose browser's session a `Cookie` header names, if any."""
    request = HttpRequest()
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    until = time.time() + settings.SESSION_COOKIE_AGE
    return Visitor(user, until) if isinstance(user, User) and user.is_staff else None


def tokens_for(user: User, session: str = "", client: str = "") -> dict[str, str]:
    """An access token (60 minutes) and a refresh token (90 days), of a new session or of one that goes on."""
    refresh = sessions.go_on(user, session, client)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}
