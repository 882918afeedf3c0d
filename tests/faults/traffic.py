"""Watches that press, and a dispatcher who listens, while everything around them breaks."""

import asyncio
import itertools
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import websockets

RETRY_S = 0.3


class Watches(threading.Thread):
    """One press after another, each from a watch of its own, each sent until the server says that it is stored."""

    def __init__(self, url: str, token: str, every_s: float) -> None:
        super().__init__(daemon=True)
        self.url, self.token, self.every_s = url, token, every_s
        self.answered: dict[str, str] = {}  # device_uid -> event_uid
        self.codes: list[int] = []
        self.slowest_s = 0.0
        self._answered_at: list[tuple[str, float]] = []  # another thread may read while it grows
        self._finished = threading.Event()

    def answered_before(self, seconds: float) -> list[str]:
        """The events that were answered at least so long ago."""
        end = time.monotonic() - seconds
        return [event_uid for event_uid, at in self._answered_at if at < end]

    def events(self) -> list[str]:
        """All that were answered, in their order."""
        return [event_uid for event_uid, _ in self._answered_at]

    def run(self) -> None:
        with httpx.Client(timeout=10, headers={"Authorization": f"Bearer {self.token}"}) as client:
            for number in itertools.count(1):
                self._press(client, f"watch-{number:04d}")
                if self._finished.wait(self.every_s):
                    return

    def _press(self, client: httpx.Client, device_uid: str) -> None:
        body = {
            "device_uid": device_uid,
            "lat": 41.311081,
            "lon": 69.240562,
            "detected_type": "MANUAL_TRIGGER",
            "severity": 3,
            "timestamp": datetime.now(UTC).isoformat(),
        }
        started = time.monotonic()
        while device_uid not in self.answered:
            answer = self._post(client, body)
            if answer is None or answer.status_code == 503:
                time.sleep(RETRY_S)
                continue
            assert answer.status_code in {200, 201}, answer.text
            self.codes.append(answer.status_code)
            self.answered[device_uid] = answer.json()["event_uid"]
            self._answered_at.append((self.answered[device_uid], time.monotonic()))
        self.slowest_s = max(self.slowest_s, time.monotonic() - started)

    def _post(self, client: httpx.Client, body: dict[str, Any]) -> httpx.Response | None:
        try:
            return client.post(f"{self.url}/api/v1/sos/trigger/", json=body)
        except httpx.TransportError:
            return None

    def finish(self) -> None:
        """The press under way is still answered."""
        self._finished.set()
        self.join(timeout=60)
        assert not self.is_alive(), "the last press was never answered"


class Walk(threading.Thread):
    """Watches that report where they are, one after another; what the server says is recorded is remembered."""

    def __init__(self, url: str, token: str, number: int, every_s: float) -> None:
        super().__init__(daemon=True)
        self.url, self.token, self.number, self.every_s = url, token, number, every_s
        self.recorded: set[tuple[str, datetime]] = set()
        self._finished = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=10, headers={"Authorization": f"Bearer {self.token}"}) as client:
            while not self._finished.wait(self.every_s):
                for device in range(10):
                    self._report(client, f"watch-4{self.number}{device:02d}")

    def _report(self, client: httpx.Client, device_uid: str) -> None:
        at = datetime.now(UTC)
        body = {"lat": 41.311081, "lon": 69.240562, "timestamp": at.isoformat()}
        try:
            answer = client.post(f"{self.url}/api/v1/devices/{device_uid}/location/", json=body)
        except httpx.TransportError:
            return
        assert answer.status_code in {201, 503}, answer.text
        if answer.status_code == 201:
            self.recorded.add((device_uid, at))

    def finish(self) -> None:
        self._finished.set()
        self.join(timeout=60)
        assert not self.is_alive(), "the last report was never answered"


class Dispatcher(threading.Thread):
    """Listens; when the socket breaks, comes back and goes on from the last message."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(daemon=True)
        self.url, self.token = url.replace("http", "ws", 1), token
        self.heard: list[dict[str, Any]] = []  # new events
        self.positions: list[int] = []  # of every message
        self.last = 0
        self.connected = threading.Event()
        self._finished = threading.Event()

    def run(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        while not self._finished.is_set():
            try:
                await self._session()
            except (OSError, websockets.WebSocketException, TimeoutError):
                await asyncio.sleep(RETRY_S)

    async def _session(self) -> None:
        address = f"{self.url}/ws/sos_events/?after={self.last}"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with websockets.connect(address, additional_headers=headers, open_timeout=5) as socket:
            self.connected.set()
            while not self._finished.is_set():
                try:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                except TimeoutError:
                    continue
                self.last = message["seq"]
                self.positions.append(self.last)
                if message["type"] == "sos_event":
                    self.heard.append(message)

    def finish(self) -> None:
        self._finished.set()
        self.join(timeout=10)
