"""JWT: signed with the newest key, verified with older ones too. Which are still good: sessions.py."""

from functools import cache
from typing import Any

import jwt
from django.conf import settings
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

ALGORITHM = "HS256"


class KeyRing(TokenBackend):
    """simplejwt's, with `older` keys whose tokens are still good: a new key signs nobody out."""

    def __init__(self, key: str, older: tuple[str, ...]) -> None:
        super().__init__(ALGORITHM, key)
        self.older = [TokenBackend(ALGORITHM, older_key) for older_key in older]

    @property
    def every(self) -> list[TokenBackend]:
        """The newest first."""
        return [self, *self.older]

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
    """`session` names the sign-in and `version` the account's, in the access tokens made from it too.

    Tokens of before have neither: each is a session by its own id, of version 0.
    """

    access_token_class = AccessToken

    @property
    def token_backend(self) -> TokenBackend:
        return key_ring()


def session_of(token: object) -> str:
    """The sign-in that a token belongs to; blank for access tokens made before sessions had names, and for devices'."""
    return str(token.get("session", "")) if isinstance(token, tokens.Token) else ""


def version_of(token: tokens.Token) -> int:
    """The account's version when the token was made."""
    version = token.get("version", 0)
    return version if isinstance(version, int) else -1


def once_valid(raw: str, kind: type[tokens.Token] = AccessToken) -> dict[str, Any] | None:
    """The claims of a token of a kind that we have signed, whether or not it has run out since."""
    for backend in key_ring().every:
        try:
            claims = jwt.decode(raw, backend.signing_key or "", [ALGORITHM], options={"verify_exp": False})
        except jwt.InvalidTokenError:
            continue
        return claims if claims.get("token_type") == kind.token_type else None
    return None


def bearer_of(authorization: bytes) -> str:
    """The credential in an `Authorization: Bearer …` header; empty when it has none."""
    kind, _, credential = authorization.decode("latin-1").partition(" ")
    return credential.strip() if kind.lower() == "bearer" else ""
