"""One test signal from end to end, as its account sees it over the public API: the signal, the push, the receipt."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

POLL_S = 0.2
SIGNED_IN, ANSWERED, PUSHED, RECEIVED = "signed in", "signal answered", "push sent", "receipt"
SHOWN = {"RECEIVED", "READ"}
NOT_SENT = {"FAILED", "DROPPED"}
Json = dict[str, Any]


class Missed(Exception):
    """A step did not come, and why."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(f"{step}: {why}")
        self.step = step


@dataclass
class Canary:
    """wait_s: how long the push and its receipt may take. `done`: milliseconds by step, `tell` hears each.

    Signing in and the answer are timed by themselves, the push and the receipt from when the signal was sent.
    """

    http: httpx.Client
    wait_s: float
    tell: Callable[[str, int], None]
    done: dict[str, int] = field(default_factory=dict)

    def fly(self, phone: str, password: str) -> None:
        """Raises Missed with the step that did not come."""
        began = time.monotonic()
        tokens = self._call(SIGNED_IN, "POST", "auth/login/", {"phone_number": phone, "password": password})
        self._note(SIGNED_IN, began)
        self.http.headers["Authorization"] = f"Bearer {tokens['access']}"
        try:
            self._signal_and_follow()
        finally:
            self._sign_out(tokens)

    def _signal_and_follow(self) -> None:
        began = time.monotonic()
        at = datetime.now(UTC).isoformat()
        signal = {"detected_type": "TEST", "severity": 1, "signal_uid": f"canary-{uuid4()}", "timestamp": at}
        event_uid = str(self._call(ANSWERED, "POST", "sos/trigger/", signal)["event_uid"])
        self._note(ANSWERED, began)
        self._until(PUSHED, event_uid, began, {"SENT"} | SHOWN)
        self._until(RECEIVED, event_uid, began, SHOWN)

    def _until(self, step: str, event_uid: str, began: float, wanted: set[str]) -> None:
        """Waits until the push about the event is in a wanted state."""
        state = "no push was made"
        while True:
            state = self._state(step, event_uid) or state
            if state in wanted:
                return self._note(step, began)
            if state in NOT_SENT:
                raise Missed(step, f"it is {state}")
            if time.monotonic() - began > self.wait_s:
                raise Missed(step, f"not within {self.wait_s:g} s ({state})")
            time.sleep(POLL_S)

    def _state(self, step: str, event_uid: str) -> str | None:
        notifications = self._call(step, "GET", "notifications/?kind=TEST_ARRIVED")["results"]
        states = [n["state"] for n in notifications if n["event_uid"] == event_uid and n["channel"] == "FCM"]
        return str(states[0]) if states else None

    def _call(self, step: str, method: str, path: str, body: Json | None = None) -> Json:
        try:
            answer = self.http.request(method, f"/api/v1/{path}", json=body)
            answer.raise_for_status()
            return dict(answer.json())
        except httpx.HTTPStatusError as why:
            raise Missed(step, f"{method} /api/v1/{path} answered {why.response.status_code}") from None
        except (httpx.HTTPError, ValueError) as why:
            raise Missed(step, f"{method} /api/v1/{path} had no answer ({type(why).__name__})") from None

    def _note(self, step: str, began: float) -> None:
        self.done[step] = round((time.monotonic() - began) * 1000)
        self.tell(step, self.done[step])

    def _sign_out(self, tokens: Json) -> None:
        """Each flight would leave a refresh token behind; what comes of it says nothing about the service."""
        try:
            self.http.post("/api/v1/auth/logout/", json={"refresh": tokens.get("refresh")})
        except httpx.HTTPError:
            return
