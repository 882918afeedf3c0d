"""JWT: signed with the newest key, verified with older ones too; refresh tokens can be revoked."""

from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from ..models import User
from ..signals import signed_out

ALGORITHM = "HS256"


class KeyRing(TokenBackend):
    """simplejwt's, with `older` keys whose tokens are still good: a new key signs nobody out."""

    def __init__(self, key: str, older: tuple[str, ...]) -> None:
        super().__init__(ALGORITHM, key)
        self.older = [TokenBackend(ALGORITHM, older_key) for older_key in older]

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The token's claims, signed with any of the keys. Raises TokenBackendError."""
        try:
            return super().decode(token, verify)
        except TokenBackendExpiredToken:
            raise
        except TokenBackendError as why:
            return self._decode_by_older(token, verify, why)

    def _decode_by_older(self, token: Any, verify: bool, why: TokenBackendError) -> dict[str, Any]:
        for backend in self.older:
            try:
                return backend.decode(token, verify)
            except TokenBackendExpiredToken:
                raise
            except TokenBackendError:
                continue
        raise why


_ring = cache(KeyRing)


def key_ring() -> KeyRing:
    """The keys of the present settings."""
    return _ring(settings.SIMPLE_JWT["SIGNING_KEY"], tuple(settings.JWT_OLDER_KEYS))


class AccessToken(tokens.AccessToken):
    """simplejwt's, checked with every key that is still good."""

    @property
    def token_backend(self) -> TokenBackend:
        return key_ring()


class RefreshToken(tokens.RefreshToken):
    """`session` names the sign-in, `refresh_jti` this very token, in the access tokens made from it too.

    A session outlives its first refresh token when its person changes their password.
    """

    access_token_class = AccessToken

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        super().__init__(token, verify)
        if token is None:
            self["session"] = self["refresh_jti"] = self["jti"]

    @property
    def token_backend(self) -> TokenBackend:
        return key_ring()


class _PerhapsRevoked(RefreshToken):
    def check_blacklist(self) -> None:
        """Revoking again is no mistake."""


@transaction.atomic
def revoke(raw: str, owner: User, push_token: str = "") -> None:
    """Ends the session of a refresh token; again: the same. Raises TokenError when it is not one of `owner`'s."""
    token = _PerhapsRevoked(raw)
    if token.get("user_uuid") != str(owner.uuid):
        raise TokenError("Token is somebody else's")
    _hold(owner)
    token.blacklist()
    signed_out.send(sender=User, user=owner, session=session_of(token), push_token=push_token)


def session_of(token: object) -> str:
    """The sign-in that a token belongs to; blank for tokens made before sessions had names, and for devices' own."""
    return str(token.get("session", "")) if isinstance(token, tokens.Token) else ""


def hold_session(token: object, owner: User) -> None:
    """Keeps a caller's session from ending before the transaction does. Raises TokenError when it has ended.

    An access token is good for its hour even so; what outlives that hour asks here.
    """
    _hold(owner)
    jti = token.get("refresh_jti") if isinstance(token, tokens.Token) else None
    if jti and BlacklistedToken.objects.filter(token__jti=jti).exists():
        raise TokenError("Session has ended")


def _hold(owner: User) -> None:
    """Whatever ends sessions locks their person's row first."""
    User.objects.select_for_update(no_key=True).filter(pk=owner.pk).first()


def revoke_all(owner: User) -> None:
    """Makes every refresh token of a person good for nothing."""
    good = OutstandingToken.objects.filter(user=owner, expires_at__gt=timezone.now(), blacklistedtoken=None)
    BlacklistedToken.objects.bulk_create([BlacklistedToken(token=token) for token in good], ignore_conflicts=True)


def bearer_of(authorization: bytes) -> str:
    """The credential in an `Authorization: Bearer …` header; empty when it has none."""
    kind, _, credential = authorization.decode("latin-1").partition(" ")
    return credential.strip() if kind.lower() == "bearer" else ""
