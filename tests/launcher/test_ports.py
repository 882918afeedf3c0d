"""A port is chosen once, and whoever has the one we want is named."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.machine import ports
from launcher.places import Home
from launcher.progress import Failure


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").made()


def test_free_port_can_be_listened_on() -> None:
    port = ports.free_port()
    assert port in ports.RANGE
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, port))


def test_taken_port_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)


def test_port_listened_on_at_all_addresses_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen()
        assert not ports.is_free(server.getsockname()[1])


def test_kept_port_stays_the_same(home: Home) -> None:
    assert ports.kept_port(home, "redis") == ports.kept_port(home, "redis")


def test_kept_port_that_something_else_took_is_chosen_anew_and_kept(home: Home, taken: int) -> None:
    home.remember(redis_port=taken)
    chosen = ports.kept_port(home, "redis")
    assert chosen != taken
    assert home.recall("redis_port") == chosen


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells who listens")
def test_demand_names_the_holder_and_another_port(taken: int) -> None:
    with pytest.raises(
        Failure, match=rf"port {taken} is taken by process {os.getpid()} \(.*python.*\)\n.*MDD_PORT=\d+"
    ):
        ports.demand(taken, "up")


@pytest.mark.parametrize("raw", ["0", "65536", "-1", "http", "80 80"])
def test_web_port_that_is_none_is_refused_by_name(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDD_PORT", raw)
    with pytest.raises(Failure, match="MDD_PORT"):
        ports.web_port()


@pytest.mark.parametrize(("raw", "port"), [("", 8000), ("8123", 8123)])
def test_web_port(raw: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDD_PORT", raw)
    assert ports.web_port() == port
