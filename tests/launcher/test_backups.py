"""`./mdd backup` and `./mdd restore` run the server's scripts against this installation's database."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.commands import backups
from launcher.places import Home
from launcher.private.instance import Instance
from launcher.progress import Failure

URL = "postgres://somebody:secret@127.0.0.1:1/theirs"


class Run:
    """The one command that was run, and whether the services were there for it."""

    def __init__(self) -> None:
        self.visiting = False
        self.command: list[str] = []
        self.environment: dict[str, str] = {}

    def foreground(self, command: list[str], environment: dict[str, str]) -> int:
        assert self.visiting
        self.command, self.environment = command, environment
        return 7

    @contextlib.contextmanager
    def visit(self, _: Instance) -> Iterator[None]:
        self.visiting = True
        yield
        self.visiting = False


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    run = Run()
    monkeypatch.setattr(backups, "foreground", run.foreground)
    monkeypatch.setattr(backups, "visiting", run.visit)
    monkeypatch.setenv("POSTGRES_PASSWORD", "of another server")
    return run


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(Home(tmp_path).made(), addresses={"DATABASE_URL": URL, "REDIS_URL": "redis://127.0.0.1:1"})


def test_backup_goes_to_the_installations_own_private_folder(run: Run, instance: Instance, tmp_path: Path) -> None:
    assert backups.backup(instance, []) == 7
    assert run.command[-1].endswith("scripts/backup_pg.sh")
    assert run.environment["BACKUP_DIR"] == str(tmp_path / "backups")
    assert (tmp_path / "backups").stat().st_mode & 0o777 == 0o700
    assert run.environment["DATABASE_URL"] == URL
    assert "POSTGRES_PASSWORD" not in run.environment


def test_backup_goes_to_the_folder_named(run: Run, instance: Instance, tmp_path: Path) -> None:
    backups.backup(instance, [str(tmp_path / "elsewhere")])
    assert run.environment["BACKUP_DIR"] == str(tmp_path / "elsewhere")


@pytest.mark.parametrize("arguments", [["--all"], ["one", "two"]])
def test_wrong_use_is_told(run: Run, instance: Instance, arguments: list[str]) -> None:
    with pytest.raises(Failure, match=r"usage: \./mdd backup \[FOLDER\]"):
        backups.backup(instance, arguments)


def test_restore_hands_all_words_to_the_script(run: Run, instance: Instance) -> None:
    assert backups.restore(instance, ["mdd_1.sql.gz", "--yes"]) == 7
    assert run.command[-3].endswith("scripts/restore_pg.sh")
    assert run.command[-2:] == ["mdd_1.sql.gz", "--yes"]


def test_newest_programs_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for major in (15, 17, 16):
        program = tmp_path / str(major) / "pg_dump"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.3'\n")
        program.chmod(0o755)
    found = [tmp_path / major / "pg_dump" for major in ("15", "17", "16")]
    monkeypatch.setattr("launcher.machine.finding.programs", lambda _: iter(found))
    assert backups.path_to_programs().split(os.pathsep)[0] == str(tmp_path / "17")


def test_without_pg_dump_the_script_is_left_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.machine.finding.programs", lambda _: iter(()))
    assert backups.path_to_programs() == os.environ["PATH"]
