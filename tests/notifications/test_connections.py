"""A provider is reached by way of the proxies that the environment names, over connections that end with their use."""

import gc
import os
from typing import Any

import pytest

from apps.notifications.transports.base import loop
from apps.notifications.transports.connections import Answer, Connections
from simulator.standins.loopback import listen

PATH = "/v1/projects/mdd-stand-in/messages:send"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def ask(url: str) -> Answer:
    answer: Answer = loop.submit(Connections().post_json(f"{url}{PATH}", {})).result(10)
    return answer


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_proxy_of_the_environment_is_asked(fcm: Any, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str) -> None:
    monkeypatch.setenv(name, f"{scheme}{fcm.url.removeprefix('http://')}")
    assert ask("http://provider.invalid").status == 401
    assert len(fcm.sends()) == 1


def test_proxy_is_for_its_scheme_and_not_for_those_excepted(fcm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", NOBODY)
    assert ask(fcm.url).status == 401
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    assert ask(fcm.url).status == 401


def test_redirect_is_not_followed() -> None:
    """It would carry the access token to wherever the answer says."""
    answer = served(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.headers["location"]) == (307, "http://127.0.0.1:1/")


def test_connections_end_when_nobody_holds_them() -> None:
    assert served(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").json() == {}


def served(answer: bytes) -> Answer:
    """What is heard of a server that gives `answer`. Its connection has then come to an end."""
    with listen() as listener:
        listener.settimeout(10)
        connections = Connections()
        asked = loop.submit(connections.post_json(f"http://127.0.0.1:{listener.getsockname()[1]}", {}))
        with listener.accept()[0] as peer:
            peer.settimeout(10)
            peer.recv(65536)
            peer.sendall(answer)
            heard: Answer = asked.result(10)
            del connections
            gc.collect()
            assert peer.recv(1) == b""
    return heard
