"""Text messages through Eskiz: https://documenter.getpostman.com/view/663428/RzfmES4z (login, send one SMS).

It moderates texts, so ours are fixed templates, and takes Uzbek numbers without the plus.
"""

import asyncio
from functools import lru_cache

from django.conf import settings

from .base import Message, Reports, TransportError, answered, retry_after_s
from .connections import Answer, Connections


class _Account:
    """One sign-in at the gateway and the connections that use it; lives as long as its process."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url, self.email, self.password = url, email, password
        self.connections = Connections()
        self.signing_in = asyncio.Lock()
        self.token = ""

    async def bearer(self) -> str:
        async with self.signing_in:
            if not self.token:
                credentials = {"email": self.email, "password": self.password}
                answer = await self.connections.post_form(f"{self.url}/api/auth/login", credentials)
                if answer.status != 200:
                    raise _refusal(answer, "no access token: ")
                self.token = str(answer.json()["data"]["token"])
            return self.token

    def forget(self, token: str) -> None:
        """The gateway refused `token` (they are good for 30 days): the next message asks for another."""
        if token == self.token:
            self.token = ""


_account = lru_cache(maxsize=4)(_Account)


class Eskiz:
    """Sends to one phone. Raises TransportError at once when there are no credentials."""

    reports = Reports(
        field="status",
        arrived=frozenset({"DELIVRD", "DELIVERED"}),
        failed=frozenset({"UNDELIV", "UNDELIVERABLE", "REJECTD", "REJECTED", "EXPIRED", "DELETED", "FAILED"}),
    )

    def __init__(self) -> None:
        if not (settings.ESKIZ_EMAIL and settings.ESKIZ_PASSWORD):
            raise TransportError("Eskiz is not configured: set ESKIZ_EMAIL and ESKIZ_PASSWORD", permanent=True)
        self.account = _account(settings.ESKIZ_BASE_URL, settings.ESKIZ_EMAIL, settings.ESKIZ_PASSWORD)

    async def prepare(self) -> None:
        """Signs in. Raises TransportError."""
        await answered(self.account.bearer(), settings.ESKIZ_TIMEOUT_S)

    async def send(self, message: Message) -> str:
        """Sends one text message; returns Eskiz's id of it. Raises TransportError."""
        return await answered(self._send(message), settings.ESKIZ_TIMEOUT_S)

    async def _send(self, message: Message) -> str:
        token = await self.account.bearer()
        form = {"mobile_phone": message.address.lstrip("+"), "message": message.text, "from": settings.ESKIZ_FROM}
        if message.status_url:
            form["callback_url"] = message.status_url
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.account.connections.post_form(f"{self.account.url}/api/message/sms/send", form, headers)
        if answer.status == 401:
            self.account.forget(token)
        if answer.status != 200:
            raise _refusal(answer)
        return str(answer.json()["id"])


def _refusal(answer: Answer, what: str = "") -> TransportError:
    """401 to a message may pass, with a new token; to a sign-in it cannot."""
    passing = answer.status in {408, 429} or answer.status >= 500 or (answer.status == 401 and not what)
    reason = f"{what}{answer.status} {_words(answer)}".strip()
    return TransportError(reason, permanent=not passing, retry_after_s=retry_after_s(answer))


def _words(answer: Answer) -> str:
    try:
        return str(answer.json()["message"])[:100]
    except (ValueError, KeyError, TypeError):
        return ""
