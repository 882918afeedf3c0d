"""Where a person is signed in, and signing out from there."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdd_backend.api.openapi import documented

from ..models import BrowserSession, Session
from ..rules import accounts, sessions
from ..rules.tokens import session_of
from . import examples
from .permissions import caller, owner


class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(["APP", "BROWSER"], help_text="BROWSER: the console or the admin.")
    client = serializers.CharField(help_text="What the app says it is (User-Agent); of a browser empty.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="When an app last asked for a token.")
    expires_at = serializers.DateTimeField()
    is_current = serializers.BooleanField(help_text="The one of this request's token.")


def _app(session: Session, current: str) -> dict[str, Any]:
    shown = {name: getattr(session, name) for name in ("client", "created_at", "last_used_at", "expires_at")}
    return {"id": session.name, "kind": "APP", **shown, "is_current": session.name == current}


def _browser(session: BrowserSession, current: str) -> dict[str, Any]:
    began = session.expire_date - sessions.BROWSER_LASTS
    shown = {"client": "", "created_at": began, "last_used_at": None, "expires_at": session.expire_date}
    return {"id": session.session_key, "kind": "BROWSER", **shown, "is_current": session.session_key == current}


class SessionsView(APIView):
    @documented("Where I am signed in", gives={200: (SessionSerializer(many=True), examples.SESSION)})
    def get(self, request: Request) -> Response:
        """The newest first. Watches are not here: each has a token of its own."""
        me, current = caller(request), session_of(request.auth)
        here = sessions.key_of_browser(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
        found = [_app(session, current) for session in sessions.apps_of(me)]
        found += [_browser(session, here) for session in sessions.browsers_of(me)]
        return Response(SessionSerializer(found, many=True).data)

    @documented("Sign out everywhere", gives={204: (None, None)}, name="auth_sessions_end_all")
    def delete(self, request: Request) -> Response:
        """Every token and browser is signed out at once, this one too, and their apps ring no more.

        Watches go on: their own tokens are revoked one by one.
        """
        accounts.sign_out_everywhere(owner(request))
        return Response(status=204)


class SessionView(APIView):
    @documented("Sign out there", gives={204: (None, None)})
    def delete(self, request: Request, session_id: str) -> Response:
        """That app or browser is signed out at once, and the app rings no more."""
        try:
            sessions.end(owner(request), session_id)
        except sessions.NoSuchSession:
            raise NotFound from None
        return Response(status=204)
