"""Who is signed in where, and which tokens are still good.

An access token is good when its account has the version that it was made under and its session has not ended.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, QuerySet, Value
from django.db.models.functions import Now
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from ..models import BrowserSession, Session, User
from ..signals import signed_out
from ..sql import TABLES_OF_BEFORE
from . import second_factor
from .browser_sessions import digest_of
from .tokens import RefreshToken, session_of, version_of

CLIENT_LENGTH = 200
BROWSER_LASTS = timedelta(seconds=settings.SESSION_COOKIE_AGE)


class NoSuchSession(Exception):
    """The person has no such session."""


def begin(user: User, client: str = "") -> RefreshToken:
    """A new sign-in of an app that calls itself `client`."""
    return _keep(user, "", client=client[:CLIENT_LENGTH])


def go_on(user: User, session: str, client: str = "") -> RefreshToken:
    """A new refresh token, the only good one, of a session that goes on; of a new one where it has no name."""
    if not session:
        return begin(user, client)
    return _keep(user, session)


def go_on_with_factor(user: User, session: str, client: str = "") -> RefreshToken:
    """The same once the second factor was given."""
    return _keep(user, session, client=client[:CLIENT_LENGTH], has_factor=True)


def _keep(user: User, session: str, client: str = "", has_factor: bool = False) -> RefreshToken:
    """A new refresh token, and the row of its session."""
    token = RefreshToken()
    name = session or token["jti"]
    row: dict[str, Any] = {
        "user": user,
        "refresh_jti": token["jti"],
        "last_used_at": Now(),
        "expires_at": Now() + RefreshToken.lifetime,
    }
    if has_factor:
        row["has_factor"] = True
    made = row | {"created_at": Now(), "client": client}
    kept, _ = Session.objects.update_or_create(name=name, defaults=row, create_defaults=made)
    token["user_uuid"], token["version"], token["session"] = str(user.uuid), user.token_version, name
    token["factor"] = kept.has_factor
    return token


def refresh(raw: str) -> Token:
    """A new access token. The refresh token stays good. Raises TokenError."""
    token = RefreshToken(raw)  # type: ignore[arg-type]
    session = _sessions_of(token).select_related("user").first()
    if session is None or session.user.is_banned or session.user.token_version != version_of(token):
        raise TokenError("Session has ended")
    second_factor.begin_grace(session.user)
    Session.objects.filter(pk=session.pk).update(last_used_at=Now())
    access = token.access_token
    access["session"], access["version"] = session.name, session.user.token_version
    access["factor"] = session.has_factor
    return access


def _sessions_of(token: RefreshToken) -> QuerySet[Session]:
    return Session.objects.filter(
        name=session_of(token) or token["jti"], refresh_jti=token["jti"], user__uuid=token.get("user_uuid")
    )


def account_of(token: Token) -> User | None:
    """The account behind an access token, banned or not; None when the token is no longer good."""
    session = session_of(token)
    people = _people(token.get("user_uuid"))
    signed_in = Exists(Session.objects.filter(name=session)) if session else Value(True)
    user = people.annotate(is_signed_in=signed_in).first()
    if user:
        user.is_held_back = second_factor.is_required(user) and not token.get("factor")
    is_good = user is not None and user.token_version == version_of(token) and user.is_signed_in
    return user if is_good or (user and user.is_banned) else None


def account_once_of(claims: dict[str, Any]) -> User | None:
    """The account of a token that we have signed (`tokens.once_valid`), unless it was erased."""
    return _people(claims.get("user_uuid")).first()


def _people(uuid: Any) -> QuerySet[User]:
    """The one whom a token names, unless they were erased."""
    try:
        return User.objects.present().filter(uuid=UUID(str(uuid)))
    except ValueError:
        return User.objects.none()


def apps_of(user: User) -> QuerySet[Session]:
    """Where somebody's apps are signed in, the newest first."""
    return Session.objects.filter(user=user, expires_at__gt=Now()).order_by("-created_at", "-pk")


def browsers_of(user: User) -> QuerySet[BrowserSession]:
    """The same of browsers."""
    return BrowserSession.objects.filter(user=user, expire_date__gt=Now()).order_by("-expire_date")


def key_of_browser(cookie: str) -> str:
    """The session that a browser's cookie names; blank for none."""
    return digest_of(cookie) if cookie else ""


@transaction.atomic
def sign_out(raw: str, owner: User, push_token: str = "") -> None:
    """Ends the session of a refresh token; again: the same. Raises TokenError when it is not one of `owner`'s."""
    token = RefreshToken(raw)  # type: ignore[arg-type]
    if token.get("user_uuid") != str(owner.uuid):
        raise TokenError("Token is somebody else's")
    hold(owner)
    _sessions_of(token).delete()
    signed_out.send(sender=User, user=owner, session=session_of(token), push_token=push_token)


@transaction.atomic
def end(owner: User, name: str) -> None:
    """Ends one session of a person, of an app or a browser. Raises NoSuchSession."""
    hold(owner)
    ended = Session.objects.filter(user=owner, name=name).delete()[0]
    if not ended and not BrowserSession.objects.filter(user=owner, session_key=name).delete()[0]:
        raise NoSuchSession
    signed_out.send(sender=User, user=owner, session=name, push_token="")


def hold_session(token: object, owner: User) -> None:
    """Keeps a caller's session from ending before the transaction does. Raises TokenError when it has ended."""
    hold(owner)
    name = session_of(token)
    if name and not Session.objects.filter(name=name).exists():
        raise TokenError("Session has ended")


def hold(owner: User) -> None:
    """Whatever ends sessions locks their person's row first."""
    User.objects.select_for_update(no_key=True).filter(pk=owner.pk).first()


def end_all(owner: User, kept: str = "") -> None:
    """Every token and browser session of a person is good for nothing from now on, in the caller's transaction.

    kept: a session that goes on, by a new refresh token (`go_on`).
    """
    User.objects.filter(pk=owner.pk).update(token_version=F("token_version") + 1)
    owner.refresh_from_db(fields=["token_version"])
    Session.objects.filter(user=owner).exclude(name=kept).delete()
    BrowserSession.objects.filter(user=owner).delete()


def forget_old() -> None:
    """Deletes sessions that have run out, and all that the tables of before hold."""
    Session.objects.filter(expires_at__lte=Now()).delete()
    BrowserSession.objects.filter(expire_date__lte=Now()).delete()
    with connection.cursor() as cursor:
        known = connection.introspection.table_names(cursor)
        for table in TABLES_OF_BEFORE:
            if table in known:
                cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - one of ours
