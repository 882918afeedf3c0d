"""The service itself behind nginx/prod.conf, and its processes replaced while watches press."""

import itertools
import json
import signal
import threading
from typing import Any

import httpx
import pytest
from rest_framework_simplejwt.tokens import AccessToken
from websockets.sync.client import connect

from apps.devices.models import Device
from apps.sos.models import SosEvent
from apps.users.models import User
from launcher.machine.ports import LOOPBACK
from tests.faults.instance import until
from tests.nginx.proxy import Proxy

WATCHES = 8
TRIGGER = "/api/v1/sos/trigger/"


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {AccessToken.for_user(user)}"}


def test_dispatcher_hears_a_press_over_tls(service: Proxy, wearer: User, dispatcher: User, signal: Any) -> None:
    address = f"wss://{LOOPBACK}:{service.https}/ws/sos_events/"
    headers = bearer(dispatcher)
    with connect(address, ssl=service.trust(), additional_headers=headers, proxy=None) as socket:
        with service.client(headers=bearer(wearer)) as client:
            answer = client.post(TRIGGER, json=signal())
        assert answer.status_code == 201
        assert json.loads(socket.recv(15))["payload"]["event_uid"] == answer.json()["event_uid"]


def test_each_address_behind_the_proxy_is_locked_by_itself(service: Proxy, wearer: User) -> None:
    def attempts(source: str, times: int) -> list[int]:
        with service.client(source=source) as client:
            bodies = [{"phone_number": f"+99890999000{n}", "password": "wrong"} for n in range(times)]
            return [client.post("/api/v1/auth/login/", json=body).status_code for body in bodies]

    assert attempts("127.0.0.2", 3) == [401, 401, 429]
    assert attempts("127.0.0.3", 2) == [401, 401]


class Watches(threading.Thread):
    """Presses one watch after another; whatever does not answer with success has failed.

    A connection that breaks in the middle of an answer is no answer: the same signal is sent again, as by any watch.
    """

    _numbers = itertools.count()

    def __init__(self, service: Proxy, headers: dict[str, str], finished: threading.Event) -> None:
        super().__init__(daemon=True)
        self.service, self.headers, self.finished = service, headers, finished
        self.accepted: list[str] = []
        self.failed: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        with self.service.client(headers=self.headers) as client:
            while not self.finished.is_set():
                self._press(client, f"watch-{next(self._numbers):05d}")

    def _press(self, client: Any, device_uid: str) -> None:
        body = {"device_uid": device_uid, "signal_uid": device_uid, "lat": 41.3, "lon": 69.2}
        answer = None
        while answer is None:
            try:
                answer = client.post(TRIGGER, json=body)
            except httpx.RemoteProtocolError:
                self.repeated += 1
        if answer.status_code in {200, 201}:
            self.accepted.append(answer.json()["event_uid"])
        else:
            self.failed.append(f"{answer.status_code} {answer.text}")


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_replacing_web_processes_one_by_one_fails_no_sos(
    ended_by: signal.Signals, service: Proxy, wearer: User
) -> None:
    Watches._numbers = itertools.count()
    Device.objects.bulk_create(Device(device_uid=f"watch-{n:05d}", owner=wearer) for n in range(20_000))
    finished = threading.Event()
    watches = [Watches(service, bearer(wearer), finished) for _ in range(WATCHES)]
    for thread in watches:
        thread.start()
    for process in service.webs:
        pressed = len(accepted(watches))
        until(lambda pressed=pressed: len(accepted(watches)) >= pressed + 20, "watches press")
        process.stop(ended_by)
        process.start()
    finished.set()
    for thread in watches:
        thread.join(60)
    assert not any(thread.is_alive() for thread in watches)
    assert [failure for thread in watches for failure in thread.failed] == []
    stored = {str(uid) for uid in SosEvent.objects.values_list("uid", flat=True)}
    print(f"\n{ended_by.name}: {len(accepted(watches))} presses accepted, {len(stored)} events stored")
    repeated = sum(thread.repeated for thread in watches)
    print(f"passed on to the other process: {service.log.count(', 127.0.0.1:')}, sent again by watches: {repeated}")
    assert repeated == 0 or ended_by == signal.SIGKILL, "a process that is asked to end answers what it has taken"
    assert len(accepted(watches)) == len(stored)
    assert set(accepted(watches)) == stored


def accepted(watches: list[Watches]) -> list[str]:
    return [uid for thread in watches for uid in thread.accepted]
