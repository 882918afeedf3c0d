"""What one address holds open at nginx keeps no SOS of another address out."""

import re
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from launcher.machine.ports import LOOPBACK
from tests.faults.instance import until
from tests.nginx.proxy import Proxy, conf, running

STRANGER = "127.0.0.9"
TRIGGER = "/api/v1/sos/trigger/"
LOCATIONS = "/api/v1/devices/watch-1/locations/"
KIB = 1024


@pytest.fixture(autouse=True, scope="session")
def _many_files() -> None:
    """For this process and the nginx that it starts: a worker of nginx would raise its own limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted) if soft != resource.RLIM_INFINITY else soft, hard))


@pytest.fixture(params=["prod.conf", "dev.conf"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, _many_files: None) -> Iterator[Proxy]:
    with running(request.param, tmp_path, "tests.nginx.echo:application") as proxy:
        yield proxy


def head(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


class Held:
    """Connections from one address, whose sockets are readable only once nginx has answered or closed them."""

    def __init__(self, stack: ExitStack, port: int, trust: ssl.SSLContext | None) -> None:
        self.stack, self.port, self.trust, self.connections = stack, port, trust, list[socket.socket]()
        if trust:
            trust.maximum_version = ssl.TLSVersion.TLSv1_2  # 1.3 sends tickets after the handshake

    def open(self, count: int, sent: bytes) -> None:
        """As many more, each of which has sent this much."""
        for _ in range(count):
            one = self.stack.enter_context(socket.create_connection((LOOPBACK, self.port), 10, (STRANGER, 0)))
            if self.trust:
                one = self.stack.enter_context(self.trust.wrap_socket(one, server_hostname=LOOPBACK))
            one.sendall(sent)
            self.connections.append(one)

    def ended(self) -> list[socket.socket]:
        with selectors.DefaultSelector() as selector:
            for one in self.connections:
                selector.register(one, selectors.EVENT_READ)
            return [key.fileobj for key, _ in selector.select(0)]  # type: ignore[misc]


@contextmanager
def holding_headers(proxy: Proxy) -> Iterator[Held]:
    """In the clear, which takes the same places as TLS and costs this test no handshakes."""
    with ExitStack() as stack:
        yield Held(stack, proxy.http, None)


@contextmanager
def holding_bodies(proxy: Proxy) -> Iterator[Held]:
    """By the way on which bodies are taken."""
    with ExitStack() as stack:
        yield Held(stack, *((proxy.https, proxy.trust()) if is_production(proxy) else (proxy.http, None)))


def is_production(proxy: Proxy) -> bool:
    return len(proxy.webs) == 2


def press(proxy: Proxy) -> httpx.Response:
    """An SOS from another address."""
    if not is_production(proxy):
        return httpx.post(f"{proxy.plain_url}{TRIGGER}", json={}, timeout=10, trust_env=False)
    with proxy.client() as client:
        return client.post(TRIGGER, json={}, timeout=10)


def resident_kib(proxy: Proxy) -> int:
    """Memory of nginx."""
    assert proxy.process.running
    status = Path(f"/proc/{proxy.process.running.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def test_half_sent_headers_of_one_address_fail_no_sos_of_another(proxy: Proxy) -> None:
    with holding_headers(proxy) as held:
        held.open(2300, f"POST {TRIGGER} HTTP/1.1\r\nHost: a\r\nX-Slow: ".encode())
        assert press(proxy).status_code == 200
        assert held.ended() == []  # all were there while it was answered


@pytest.mark.parametrize(("path", "size"), [(TRIGGER, 128 * KIB), (LOCATIONS, 1024 * KIB)])
def test_stalled_bodies_of_one_address_fail_no_sos_of_another(path: str, size: int, proxy: Proxy) -> None:
    assert press(proxy).status_code == 200
    before = resident_kib(proxy)
    with holding_bodies(proxy) as held:
        held.open(500, head(path, size) + b"x" * min(300 * KIB, size - 1))
        assert press(proxy).status_code == 200
        assert held.ended() == []
        assert resident_kib(proxy) - before < 500 * 256  # KiB, TLS and all


def test_request_that_does_not_come_on_is_cut_off(proxy: Proxy) -> None:
    began = time.monotonic()
    with holding_bodies(proxy) as held:
        held.open(1, b"GET / HTTP/1.1\r\nHost: ")
        held.open(1, head(TRIGGER, 10) + b"{")
        until(held.ended, "nginx closes one", 25)
        assert time.monotonic() - began > 9  # a slow network has its time
        until(lambda: len(held.ended()) == 2, "nginx closes both", 15)


def test_one_address_has_2000_requests_under_way_at_most(development: Proxy) -> None:
    with holding_bodies(development) as held:
        held.open(2000, head(TRIGGER, 10) + b"{")
        with httpx.Client(transport=httpx.HTTPTransport(local_address=STRANGER)) as stranger:
            refused = stranger.post(f"{development.plain_url}{TRIGGER}", json={})
        assert press(development).status_code == 200
        assert held.ended() == []
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "throttled", "1")


@pytest.mark.parametrize("name", ["prod.conf", "dev.conf"])
def test_production_and_development_limit_the_same(name: str) -> None:
    assert re.findall("^    limit_conn (.*);", conf(name), re.MULTILINE) == ["under_way 2000"]
