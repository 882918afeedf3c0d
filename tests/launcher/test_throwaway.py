"""What `./mdd bench` measures is the service as in production, and nobody real is called."""

import os
from pathlib import Path

import pytest

from launcher import throwaway
from launcher.instance import Instance
from launcher.places import Home


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the benchmarks find in their environment. Nothing is started."""
    found: dict[str, str] = {}

    def foreground(command: list[str], environment: dict[str, str]) -> int:
        found.update(environment, COMMAND=" ".join(command[1:]))
        return 0

    monkeypatch.setattr(throwaway, "foreground", foreground)
    monkeypatch.setattr(Instance, "start_services", lambda instance: found.update(FSYNC=str(instance.durable)))
    for name in ("DATABASE_URL", "REDIS_URL"):  # given back as they were
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return found


def test_benchmarks_run_as_in_production(ran: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "true")
    monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", "sos.example.org")
    assert throwaway.bench(Instance(Home(tmp_path).made()), ["--short", "--only", "nearest"]) == 0
    assert ran["COMMAND"] == "-m benchmarks --short --only nearest"
    assert ran["FSYNC"] == "True"
    assert ran["DEBUG"] == "false"
    assert "127.0.0.1" in ran["DJANGO_ALLOWED_HOSTS"]
    assert len(ran["DJANGO_SECRET_KEY"]) >= 32
    assert str(tmp_path / "bench") in ran["MDD_TEST_RUN"]


def test_benchmarks_call_nobody_real(ran: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FCM_SERVICE_ACCOUNT_JSON", "ESKIZ_PASSWORD", "SMS_TRANSPORT", "HEARTBEAT_URL", "SENTRY_DSN"):
        monkeypatch.setenv(name, "https://real.example.org")
    throwaway.bench(Instance(Home(tmp_path).made()), [])
    assert "real.example.org" not in " ".join(ran.values())


def test_nothing_is_left(ran: dict[str, str], tmp_path: Path) -> None:
    throwaway.bench(Instance(Home(tmp_path).made()), [])
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["lock"]


def test_wrong_options_are_told_before_anything_is_started(
    ran: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        throwaway.bench(Instance(Home(tmp_path).made()), ["--only", "speed"])
    assert "usage: ./mdd bench" in capsys.readouterr().err
    assert ran == {}
