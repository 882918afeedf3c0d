"""Google's side of a service account: the key file, and the exchange of a signed assertion for an access token.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import json
import os
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""google-auth names this audience whatever `token_uri` the key file holds."""
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
LIFETIME_S = 3600
CLOCK_SKEW_S = 60
TOKEN_PREFIX = "ya29."  # noqa: S105


class Refused(Exception):
    """The assertion is refused; `error` is OAuth's word for it."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class ServiceAccount:
    """`key` is what Google's key file holds. Access tokens are signed, so they outlive a restart of the stand-in."""

    def __init__(self, key: Mapping[str, str]) -> None:
        self.key = dict(key)

    @classmethod
    def create(cls, project: str, token_uri: str) -> "ServiceAccount":
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls(
            {
                "type": "service_account",
                "project_id": project,
                "private_key_id": os.urandom(20).hex(),
                "private_key": pem.decode(),
                "client_email": f"sender@{project}.iam.gserviceaccount.com",
                "client_id": str(int.from_bytes(os.urandom(8), "big")),
                "token_uri": token_uri,
            }
        )

    @classmethod
    def kept_in(cls, path: Path, project: str, token_uri: str) -> "ServiceAccount":
        """The account of that key file, written when it is missing or belongs to another address."""
        if path.exists():
            account = cls(json.loads(path.read_text()))
            if (account.key["project_id"], account.key["token_uri"]) == (project, token_uri):
                return account
        account = cls.create(project, token_uri)
        account.save(path)
        return account

    def save(self, path: Path) -> None:
        """Atomic; mode 0644, since the service may run as another user."""
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(self.key, indent=2))
        draft.chmod(0o644)
        draft.replace(path)

    @property
    def project(self) -> str:
        return self.key["project_id"]

    @cached_property
    def _private_key(self) -> rsa.RSAPrivateKey:
        pem = self.key["private_key"].encode()
        return cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(pem, None))

    def access_token(self, form: Mapping[str, str], lifetime_s: int = LIFETIME_S) -> str:
        """An access token for a token request's form fields. Raises Refused."""
        if form.get("grant_type") != GRANT_TYPE:
            raise Refused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        self._check_claims(self._claims(form.get("assertion", "")))
        claims = {"sub": self.key["client_email"], "exp": int(time.time()) + lifetime_s}
        return TOKEN_PREFIX + jwt.encode(claims, self._private_key, algorithm="RS256")

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                assertion,
                self._private_key.public_key(),
                algorithms=["RS256"],
                audience=[self.key["token_uri"], GOOGLE_AUDIENCE],
                leeway=CLOCK_SKEW_S,
                options={"require": ["iss", "aud", "exp", "iat"]},
            )
        except jwt.InvalidSignatureError:
            raise Refused("invalid_grant", "Invalid JWT Signature.") from None
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            raise _not_short_lived() from None
        except jwt.InvalidTokenError as why:
            raise Refused("invalid_grant", f"Invalid JWT: {why}") from None

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        if claims["iss"] != self.key["client_email"]:
            raise Refused("invalid_grant", "Invalid grant: account not found")
        if claims["exp"] - claims["iat"] > LIFETIME_S:
            raise _not_short_lived()
        if SCOPE not in str(claims.get("scope", "")).split():
            raise Refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")

    def honours(self, authorization: str) -> bool:
        """Whether an Authorization header carries an access token of ours that still lives."""
        token = authorization.removeprefix("Bearer ").removeprefix(TOKEN_PREFIX)
        try:
            jwt.decode(token, self._private_key.public_key(), algorithms=["RS256"])
        except jwt.InvalidTokenError:
            return False
        return True


def _not_short_lived() -> Refused:
    return Refused(
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        " Check your iat and exp values in the JWT claim.",
    )
