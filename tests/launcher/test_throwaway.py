"""What `./mdd bench` measures is the service as in production, and nobody real is called."""

import os
from pathlib import Path

import psycopg
import pytest

from launcher.commands import throwaway
from launcher.places import PROJECT, Home
from launcher.private import template
from launcher.private.instance import Instance


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
    ran: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert throwaway.bench(Instance(Home(tmp_path).made()), ["--only", "speed"]) == 2
    assert "usage: ./mdd bench" in capfd.readouterr().err
    assert throwaway.bench(Instance(Home(tmp_path).made()), ["--help"]) == 0
    assert "--json" in capfd.readouterr().out
    assert ran == {}


MANY = f"-n {(os.cpu_count() or 1) + 2} --dist loadscope --no-loadscope-reorder"


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        ([], MANY),
        (["tests/sos"], MANY),
        (["-k", "wave"], MANY),
        (["--last-failed"], MANY),
        (["tests/sos/dispatch/test_waves.py"], "-n0"),
        (["tests/sos/dispatch/test_waves.py::test_first", "-q"], "-n0"),
        (["tests/sos/dispatch/test_waves.py", "tests/sos/reading/test_live.py"], MANY),
        (["tests/sos/dispatch/test_waves.py", "tests/users"], MANY),
    ],
)
def test_single_file_is_run_without_workers(arguments: list[str], workers: str) -> None:
    assert " ".join(throwaway.workers(arguments)) == workers


@pytest.mark.usefixtures("django_db_setup")
def test_tests_begin_with_a_copy_of_the_migrated_database() -> None:
    """Which this very run has, so that no process had to migrate its own."""
    with psycopg.connect(os.environ["DATABASE_URL"].replace("postgis", "postgres", 1)) as connection:
        (applied,) = connection.execute("SELECT count(*) FROM django_migrations").fetchone() or (0,)
    assert applied >= len(list(PROJECT.glob("apps/*/migrations/0*.py")))


def test_kept_cluster_is_made_anew_when_a_migration_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(template, "PROJECT", tmp_path)
    monkeypatch.setattr(Instance, "start_services", lambda instance: made.append(instance.home.path))
    monkeypatch.setattr(Instance, "manage", lambda *_, **__: "")
    monkeypatch.setattr(template, "_copy", lambda *_: None)
    migration = tmp_path / "apps/sos/migrations/0001_initial.py"
    migration.parent.mkdir(parents=True)
    for content in ("first", "first", "second"):
        migration.write_text(content)
        (tmp_path / "requirements.txt").touch()
        template.copy_to(Instance(Home(tmp_path / "home")), Home(tmp_path / "run"))
    assert len(made) == 2
    assert [path.name for path in (tmp_path / "home/template").iterdir() if path.is_dir()] == [made[-1].name]
