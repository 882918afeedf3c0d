"""The people and their devices: what a watch, a helper's phone and a dispatcher's screen say to the service."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .people.city import Point

Json = dict[str, Any]
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0


class Refused(Exception):
    """The service answered, and not with what was asked for."""

    def __init__(self, answer: httpx.Response) -> None:
        request = answer.request
        super().__init__(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}")
        self.answer = answer


def connection(url: str) -> httpx.AsyncClient:
    """The connections that all sessions share. Proxies are left out: the service and the stand-in are near."""
    limits = httpx.Limits(max_connections=64)
    return httpx.AsyncClient(base_url=f"{url.rstrip('/')}/api/v1/", timeout=10, limits=limits, trust_env=False)


class Api:
    """One account's session. As a real watch, it does not give up on a service that is away or busy.

    `patience_s`: how long a request is tried again on 503, 429 and broken connections.
    """

    def __init__(self, http: httpx.AsyncClient, patience_s: float = 60.0) -> None:
        self._http = http
        self._patience_s = patience_s
        self._tokens: dict[str, str] = {}
        self.user: Json = {}

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens['access']}"} if self._tokens else {}

    async def register(self, phone_number: str, full_name: str, password: str) -> None:
        """Raises Refused, also when the number is taken."""
        body = {"phone_number": phone_number, "full_name": full_name, "password": password, "password2": password}
        answer = await self.call("POST", "auth/register/", body)
        self.user = answer["user"]
        self._tokens = {"access": answer["access"], "refresh": answer["refresh"]}

    async def login(self, phone_number: str, password: str) -> None:
        """Raises Refused."""
        self._tokens = await self.call("POST", "auth/login/", {"phone_number": phone_number, "password": password})

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The JSON of a successful answer. Raises Refused, or httpx.TransportError when patience ends."""
        answer = await self.request(method, path, body)
        if answer.is_error:
            raise Refused(answer)
        return dict(answer.json())

    async def request(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """Any answer but a passing one. An access token that has expired is renewed on the way."""
        answer = await self._persist(method, path, body)
        if answer.status_code == 401 and "refresh" in self._tokens:
            await self._renew()
            answer = await self._persist(method, path, body)
        return answer

    async def _renew(self) -> None:
        refresh = self._tokens.pop("refresh")
        answer = await self._persist("POST", "auth/refresh/", {"refresh": refresh})
        if answer.is_success:
            self._tokens = {"access": answer.json()["access"], "refresh": refresh}

    async def _persist(self, method: str, path: str, body: Json | None) -> httpx.Response:
        give_up_at, pause_s = time.monotonic() + self._patience_s, FIRST_PAUSE_S
        while True:
            out_of_patience = time.monotonic() + pause_s > give_up_at
            try:
                answer = await self._http.request(method, path, json=body, headers=self.authorization)
                if answer.status_code not in (429, 503) or out_of_patience:
                    return answer
                wait_s = _retry_after(answer) or pause_s
            except httpx.TransportError:
                if out_of_patience:
                    raise
                wait_s = pause_s
            # Watches that failed together must not come back together.
            await asyncio.sleep(wait_s * random.uniform(1.0, 1.3))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _retry_after(answer: httpx.Response) -> float | None:
    raw = answer.headers.get("Retry-After", "")
    return float(raw) if raw.isdecimal() else None


@dataclass
class Wearer:
    """A person with a watch, at `place` when joining."""

    api: Api
    full_name: str
    phone_number: str
    device_uid: str
    place: Point

    async def join(self, password: str, battery_level: int, model: str = "T-Watch 5") -> None:
        """Registers the person and the watch, and reports where it is."""
        await self.api.register(self.phone_number, self.full_name, password)
        await self.api.call("POST", "devices/", {"device_uid": self.device_uid, "model": model})
        body = {"battery_level": battery_level, "is_online": True, **self.place._asdict(), "last_seen_via": "LTE"}
        await self.api.call("PATCH", f"devices/{self.device_uid}/status/", body)

    async def send_fix(self, fix: Json) -> None:
        await _send_fix(self.api, self.device_uid, fix)

    async def trigger(self, signal: Json) -> httpx.Response:
        """Sends a signal until it is taken: the service counts a repeat as the same one. Raises Refused."""
        answer = await self.api.request("POST", "sos/trigger/", signal)
        if answer.is_error:
            raise Refused(answer)
        return answer


async def _send_fix(api: Api, device_uid: str, fix: Json) -> None:
    await api.call("POST", f"devices/{device_uid}/location/", fix)


@dataclass
class Helper:
    """A person with a phone, at `place` when joining; `push_token` is where Firebase finds the phone."""

    api: Api
    full_name: str
    phone_number: str
    device_uid: str
    push_token: str
    place: Point
    is_on: bool = True
    """A phone with an empty battery neither rings nor answers."""
    rung_at: float = 0.0
    """When it last rang; seconds since 1970."""
    errand: str | None = None
    """The uid of the event its owner is on the way to."""

    async def join(self, password: str, battery_level: int, dispatcher: "Dispatcher") -> None:
        """Registers the person and the phone, is approved by the dispatcher and goes on duty."""
        await self.api.register(self.phone_number, self.full_name, password)
        await dispatcher.approve_helper(self.api.user["uuid"])
        await self.api.call("PATCH", "users/me/", {"on_duty": True})
        await self.api.call("POST", "devices/", {"device_uid": self.device_uid, "model": "Phone"})
        await self.api.call("POST", "push-tokens/", {"token": self.push_token, "platform": "ANDROID"})
        await self.send_fix({**self.place._asdict(), "speed": 0.0, "battery_level": battery_level})

    async def send_fix(self, fix: Json) -> None:
        await _send_fix(self.api, self.device_uid, fix)

    async def acknowledge(self, push: Json) -> None:
        """Says that the push has come; needs no account, as the phone may be locked."""
        await self.api.call("POST", push["receipt_url"], {})

    async def respond(self, event_uid: str, status: str) -> httpx.Response:
        """`status`: ACCEPTED, EN_ROUTE … 200, to who comes with the exact place, or 409 when it makes no sense."""
        return await self.api.request("POST", f"sos/{event_uid}/respond/", {"status": status})


@dataclass(frozen=True)
class ScreenMessage:
    """What a dispatcher's screen was told. `at`: seconds since 1970."""

    body: Json
    at: float


class Dispatcher:
    """An ADMIN at a screen: approves helpers, hears of events, closes them."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        self._url = url.rstrip("/").replace("http", "ws", 1) + "/ws/sos_events/"

    async def approve_helper(self, uuid: str) -> None:
        await self.api.call("PATCH", f"users/{uuid}/", {"role": "HELPER"})

    async def resolve(self, event_uid: str, outcome: str) -> httpx.Response:
        return await self.api.request("POST", f"sos/{event_uid}/resolve/", {"outcome": outcome})

    @asynccontextmanager
    async def screen(self, after: int | None = None) -> AsyncIterator["Screen"]:
        """An open socket of the dispatchers' feed, which first tells what came after position `after`."""
        url = self._url if after is None else f"{self._url}?after={after}"
        async with connect(url, additional_headers=self.api.authorization, proxy=None) as socket:
            yield Screen(socket)


class Screen:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def messages(self) -> AsyncIterator[ScreenMessage]:
        """Every message from now on; ends when the socket does."""
        try:
            async for text in self._socket:
                yield ScreenMessage(json.loads(text), time.time())
        except ConnectionClosed:
            return


@dataclass(frozen=True)
class Push:
    """A message at a phone. `at`: seconds since 1970."""

    token: str
    data: dict[str, str]
    at: float


class PhoneNetwork:
    """What the stand-in for Firebase brought to phones, as it comes."""

    def __init__(self, fcm_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=fcm_url, timeout=30, trust_env=False)
        self._seen = 0

    async def aclose(self) -> None:
        await self._http.aclose()

    async def forget_earlier(self) -> None:
        """Only what comes from now on counts. Raises httpx.HTTPError when the stand-in is not there."""
        self._seen = max((record["number"] for record in await self._messages(0)), default=0)

    async def pushes(self) -> AsyncIterator[Push]:
        """Every message, as it comes."""
        while True:
            try:
                records = await self._messages(wait_s=20)
            except httpx.TransportError:
                await asyncio.sleep(FIRST_PAUSE_S)
                continue
            for record in records:
                self._seen = record["number"]
                yield Push(record["token"], record["message"].get("data", {}), record["at"])

    async def attempts(self, event_uid: str) -> list[Json]:
        """Every attempt to call somebody to that event, also those refused."""
        answer = (await self._http.get("/_control/sends")).raise_for_status()
        call = {"kind": "SOS_ALERT", "event_uid": event_uid}
        sends: list[Json] = answer.json()["sends"]
        return [send for send in sends if send["message"].get("data", {}).items() >= call.items()]

    async def _messages(self, wait_s: float) -> list[Json]:
        answer = await self._http.get("/_control/messages", params={"after": self._seen, "wait": wait_s})
        messages: list[Json] = answer.raise_for_status().json()["messages"]
        return messages
