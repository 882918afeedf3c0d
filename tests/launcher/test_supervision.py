"""What supervisor is told, read back by supervisor's own parser."""

import re
import shlex
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from supervisor.datatypes import RestartUnconditionally
from supervisor.options import ServerOptions

from launcher.places import Home
from launcher.private.supervision import (
    SOCKET_PATH_LIMIT,
    Program,
    configuration,
    escaped,
    pids,
    remove_socket,
    running,
    socket_path,
    started,
)
from launcher.progress import Failure


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Supervisor's own reading of the configuration: its programs by name."""

    def read(home: Home, *programs: Program) -> dict[str, Any]:
        config = home.run / "supervisord.conf"
        config.write_text(configuration(home, programs))
        monkeypatch.chdir(home.path)
        options = ServerOptions()
        options.realize(["--configuration", str(config)])
        return {process.name: process for group in options.process_group_configs for process in group.process_configs}

    return read


@pytest.mark.parametrize("name", ["plain", "with blank", "100%", "%(here)s", "it's", '"quoted"', "ünï"])
def test_any_folder_name_reaches_the_program(name: str, tmp_path: Path, read: Callable[..., Any]) -> None:
    home = Home(tmp_path / name).made()
    command = [str(home.path / "python"), "-c", "print('100%')"]
    web = read(home, Program("web", command, home.path, "app"))["web"]
    assert shlex.split(web.command) == command
    assert web.directory == str(home.path)
    assert web.stdout_logfile == "log/web.log"  # supervisor is started in the home


def test_every_program_is_kept_alive_and_can_be_stopped_in_time(tmp_path: Path, read: Callable[..., Any]) -> None:
    web = read(Home(tmp_path).made(), Program("web", ["python"], tmp_path, "app"))["web"]
    assert web.autorestart is RestartUnconditionally
    assert web.startretries > 100_000
    assert web.stopwaitsecs <= 10
    assert web.stopasgroup
    assert web.killasgroup
    assert web.environment == {"MDD_PROCESS": "web"}


def test_only_services_start_at_once_and_they_stop_last(tmp_path: Path, read: Callable[..., Any]) -> None:
    home = Home(tmp_path).made()
    redis = Program("redis", ["redis"], tmp_path, "services")
    programs = read(home, Program("web", ["python"], tmp_path, "app"), redis)
    assert (programs["redis"].autostart, programs["web"].autostart) == (True, False)
    priorities = dict(re.findall(r"\[group:(\w+)\]\nprograms = .*\npriority = (\d)", configuration(home, [redis])))
    assert priorities == {"services": "1"}


def test_postgres_is_stopped_by_its_own_signal_alone(tmp_path: Path, read: Callable[..., Any]) -> None:
    program = Program("postgres", ["postgres"], tmp_path, "services", stop_signal="INT")
    postgres = read(Home(tmp_path).made(), program)["postgres"]
    assert postgres.stopsignal == signal.SIGINT
    assert not postgres.stopasgroup


@pytest.mark.parametrize("path", ["/a ;b", "/a #b", "/a\nb"])
def test_path_that_supervisor_would_misread_is_refused(path: str) -> None:
    with pytest.raises(Failure, match="choose another"):
        escaped(path)


def test_socket_is_in_the_home(tmp_path: Path) -> None:
    home = Home(Path("/home"))
    assert socket_path(home) == home.run / "supervisor.sock"


def test_socket_of_a_long_path_is_elsewhere_and_each_homes_own(tmp_path: Path) -> None:
    homes = [Home(tmp_path / ("long" * 30) / name) for name in "ab"]
    paths = [socket_path(home) for home in homes]
    assert all(len(str(path)) < SOCKET_PATH_LIMIT for path in paths)
    assert paths[0] != paths[1]
    assert paths[0] == socket_path(homes[0])


def test_socket_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / ("long" * 30))
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = socket_path(home).parent
    folder.mkdir()
    monkeypatch.setattr("os.geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(Failure, match="belongs to another user"):
        socket_path(home)
    folder.rmdir()


def test_socket_folder_is_removed_with_its_socket(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    path = socket_path(home)
    path.parent.mkdir()
    path.touch()
    remove_socket(home)
    assert not path.parent.exists()
    remove_socket(home)


def test_nobody_answers_where_nothing_runs(tmp_path: Path) -> None:
    home = Home(tmp_path).made()
    assert not running(home)
    assert pids(home) == {}
    assert started(home) == set()
