"""What scripts/lab_check.sh looks at from inside, as phones, watches and dispatchers do: by nginx, over TLS.

Each command prints what it saw, and fails loudly. What must outlive a command (tokens, the event) is kept in a file.
"""

import asyncio
import json
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import websockets

URL = os.environ.get("PROBE_URL", "https://nginx")
FCM = os.environ.get("PROBE_FCM", "http://fcm:8090")
KEPT = Path(os.environ.get("PROBE_KEPT", "/tmp/probe.json"))  # noqa: S108 - a container of its own
TLS = ssl.create_default_context(cafile=os.environ.get("PROBE_CA", "/certs/fullchain.pem"))
PASSWORD = "someStrongPassword123"  # noqa: S105
SIGNAL = {
    "device_uid": "watch_unique_serial_001", "lat": 41.311081, "lon": 69.240562, "altitude": 500.0,
    "detected_type": "FALL_DETECTED", "severity": 4, "timestamp": "2025-10-28T12:00:00Z",
    "raw_payload": {"sensor_data": "..."},
}  # fmt: skip


class Caller:
    """Somebody with an account."""

    def __init__(self, access: str = "") -> None:
        self.http = httpx.Client(base_url=f"{URL}/api/v1/", verify=TLS, timeout=20)
        if access:
            self.http.headers["Authorization"] = f"Bearer {access}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def registered(phone_number: str, full_name: str) -> tuple[Caller, str]:
    """A new person, or the one of an earlier run; with their uuid."""
    body = {"phone_number": phone_number, "full_name": full_name, "password": PASSWORD, "password2": PASSWORD}
    known = Caller().http.post("auth/register/", json=body)
    if known.status_code == 400:
        known = Caller().http.post("auth/login/", json={"phone_number": phone_number, "password": PASSWORD})
    known.raise_for_status()
    person = Caller(known.json()["access"])
    return person, person.call("GET", "users/me/")["uuid"]


def dispatcher() -> Caller:
    phone, password = os.environ["PROBE_ADMIN_PHONE"], os.environ["PROBE_ADMIN_PASSWORD"]
    return Caller(Caller().call("POST", "auth/login/", {"phone_number": phone, "password": password})["access"])


def sos() -> None:
    """The spec's signal: stored, shown to the dispatcher, rung on the helper's phone."""
    admin = dispatcher()
    helper, uuid = registered("+998901112233", "Aziz Rakhimov")
    admin.call("PATCH", f"users/{uuid}/", {"role": "HELPER"})
    helper.call("PATCH", "users/me/", {"on_duty": True})
    helper.call("POST", "devices/", {"device_uid": "lab_phone"})
    helper.call("POST", "devices/lab_phone/location/", {"lat": 41.3150, "lon": 69.2410})
    helper.call("POST", "push-tokens/", {"token": "lab-token", "platform": "ANDROID"})
    wearer, _ = registered("+998901234567", "Nodira Karimova")
    wearer.call("POST", "devices/", {"device_uid": SIGNAL["device_uid"], "model": "T-Watch 5"})
    event_uid = asyncio.run(_pressed(wearer, admin))
    _rung(event_uid)
    KEPT.write_text(json.dumps({"event_uid": event_uid}))


async def _pressed(wearer: Caller, admin: Caller) -> str:
    headers = {"Authorization": admin.http.headers["Authorization"]}
    address = f"{URL.replace('http', 'ws', 1)}/ws/sos_events/"
    async with websockets.connect(address, additional_headers=headers, ssl=TLS, proxy=None) as socket:
        await asyncio.sleep(1)
        pressed = time.monotonic()
        event_uid: str = (await asyncio.to_thread(wearer.call, "POST", "sos/trigger/", SIGNAL))["event_uid"]
        print(f"  stored after {_ms(pressed)}: {event_uid}")
        while True:
            message = json.loads(await asyncio.wait_for(socket.recv(), 20))
            if message["payload"]["event_uid"] == event_uid:
                print(f"  the dispatcher's socket told of it after {_ms(pressed)}")
                return event_uid


def _rung(event_uid: str) -> None:
    for _ in range(20):
        found = httpx.get(f"{FCM}/_control/messages", params={"after": 0, "wait": 1}, timeout=20).json()["messages"]
        if any(one["message"]["data"]["event_uid"] == event_uid for one in found):
            print("  the helper's phone rang")
            return
        time.sleep(1)
    raise SystemExit("the helper's phone did not ring")


def press(seconds: str) -> None:
    """One signal after another, each from a watch of its own: none may fail, and at the end every one must be there."""
    wearer, _ = registered("+998901234500", "Lab Wearer")
    stored, slowest = set(), 0.0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        device_uid = f"lab-{time.time_ns()}"
        wearer.call("POST", "devices/", {"device_uid": device_uid})
        began = time.monotonic()
        body = SIGNAL | {"device_uid": device_uid, "signal_uid": device_uid, "timestamp": None}
        answer = wearer.http.post("sos/trigger/", json=body)
        if answer.status_code not in {200, 201}:
            raise SystemExit(f"a signal was answered {answer.status_code} {answer.text}")
        stored.add(answer.json()["event_uid"])
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.05)
    for event_uid in stored:
        wearer.call("GET", f"sos/{event_uid}/")
    print(f"  {len(stored)} events opened, none failed, the slowest answer after {slowest * 1000:.0f} ms")


def ready() -> None:
    """The service answers, within a minute."""
    for _ in range(60):
        try:
            if httpx.get(f"{URL}/health/live", verify=TLS).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise SystemExit("nothing answers")


def find() -> None:
    """The event of `sos` is there."""
    event_uid = json.loads(KEPT.read_text())["event_uid"]
    event = dispatcher().call("GET", f"sos/{event_uid}/")
    print(f"  {event['event_uid']} is there: {event['status']}, {event['wearer']['full_name']}")


def _ms(since: float) -> str:
    return f"{(time.monotonic() - since) * 1000:.0f} ms"


if __name__ == "__main__":
    {"ready": ready, "sos": sos, "press": press, "find": find}[sys.argv[1]](*sys.argv[2:])
