"""Firebase Cloud Messaging, HTTP v1: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages

A client of our own since firebase-admin retries by itself for up to half a minute and cannot be pointed elsewhere.
"""

import asyncio
import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from google.auth import crypt, jwt

from .base import Message, TransportError, answered, retry_after_s
from .connections import Answer, Connections

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_LIFETIME_S = 3600
RENEW_BEFORE_S = 300
NOT_CONFIGURED = "FCM is not configured: set FCM_SERVICE_ACCOUNT_JSON"


def why_unusable(raw: str) -> str | None:
    """Why the service account of the settings cannot be used; None when it can."""
    try:
        _account(raw)
    except TransportError as why:
        return str(why)
    return None


@lru_cache(maxsize=4)
def _account(raw: str) -> "_Account":
    """The service account in `raw`: JSON, or the path of a file with it. Raises TransportError."""
    if not raw:
        raise TransportError(NOT_CONFIGURED, permanent=True)
    try:
        text = raw if raw.lstrip().startswith("{") else Path(raw).read_text(encoding="utf-8")
        return _Account(json.loads(text))
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise TransportError(f"FCM_SERVICE_ACCOUNT_JSON: unusable ({type(why).__name__})", permanent=True) from None


class _Account:
    """A service account, its access token, and the connections that use it; lives as long as its process."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.signer = crypt.RSASigner.from_service_account_info(info)  # type: ignore[no-untyped-call]
        self.email: str = info["client_email"]
        self.token_uri: str = info["token_uri"]
        self.url = f"{settings.FCM_ENDPOINT}/v1/projects/{info['project_id']}/messages:send"
        self.connections = Connections()
        self.renewing = asyncio.Lock()
        self.token, self.good_until = "", 0.0

    async def access_token(self) -> str:
        """An access token good for some minutes more (RFC 7523)."""
        async with self.renewing:
            if time.monotonic() > self.good_until:
                await self._renew()
            return self.token

    def forget(self, token: str) -> None:
        """The provider refused `token`: the next message asks for another."""
        if token == self.token:
            self.good_until = 0.0

    async def _renew(self) -> None:
        now = int(time.time())
        claims = {
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now,
            "exp": now + TOKEN_LIFETIME_S,
        }
        assertion = jwt.encode(self.signer, claims).decode()  # type: ignore[no-untyped-call]
        form = {"grant_type": GRANT, "assertion": assertion}
        answer = await self.connections.post_form(self.token_uri, form)
        if answer.status != 200:
            permanent = answer.status in {400, 401, 403}
            raise TransportError(
                f"no access token: {answer.status}", permanent=permanent, retry_after_s=retry_after_s(answer)
            )
        body = answer.json()
        self.token = str(body["access_token"])
        self.good_until = time.monotonic() + float(body["expires_in"]) - RENEW_BEFORE_S


class Fcm:
    """Sends to one installed app. Raises TransportError at once when there are no usable credentials."""

    def __init__(self) -> None:
        self.account = _account(settings.FCM_SERVICE_ACCOUNT_JSON)

    async def prepare(self) -> None:
        """Gets an access token. Raises TransportError."""
        await answered(self.account.access_token(), settings.FCM_TIMEOUT_S)

    async def send(self, message: Message) -> str:
        """Sends one push; returns Firebase's name of it. Raises TransportError."""
        return await answered(self._send(message), settings.FCM_TIMEOUT_S)

    async def _send(self, message: Message) -> str:
        token = await self.account.access_token()
        headers = {"Authorization": f"Bearer {token}"}
        body = {"message": body_for(message)}
        answer = await self.account.connections.post_json(self.account.url, body, headers)
        if answer.status == 200:
            return str(answer.json()["name"])
        if answer.status == 401:
            self.account.forget(token)
        raise _refusal(answer)


def body_for(message: Message) -> dict[str, Any]:
    """FCM's `Message`: data only and urgent on Android, so that the app always runs; a time-sensitive alert on iOS.

    No collapse_key: FCM keeps four a phone. The phone replaces by the event's uid.
    """
    if message.platform == "ANDROID":
        return {
            "token": message.address,
            "data": message.data,
            "android": {"priority": "HIGH", "ttl": f"{message.lifetime_s}s"},
        }
    alert = {
        "title-loc-key": f"{message.data['text_key']}.title",
        "loc-key": f"{message.data['text_key']}.body",
        "loc-args": [message.data.get("distance_m", "")],
    }
    aps = {"alert": alert, "mutable-content": 1, "interruption-level": "time-sensitive", "sound": "default"}
    headers = {
        "apns-priority": "10",
        "apns-push-type": "alert",
        "apns-expiration": str(int(time.time()) + message.lifetime_s),
    }
    return {
        "token": message.address,
        "data": message.data,
        "apns": {"headers": headers, "payload": {"aps": aps}},
    }


def _refusal(answer: Answer) -> TransportError:
    """What an error answer means: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"""
    code = _error_code(answer)
    reason = f"{answer.status} {code}"
    if code == "UNREGISTERED":
        return TransportError(reason, dead_address=True)
    passing = answer.status in {401, 408, 429} or answer.status >= 500
    return TransportError(reason, permanent=not passing, retry_after_s=retry_after_s(answer))


def _error_code(answer: Answer) -> str:
    try:
        error = answer.json()["error"]
        codes = [detail["errorCode"] for detail in error.get("details", []) if "errorCode" in detail]
        return str((codes or [error["status"]])[0])[:40]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unreadable answer"
