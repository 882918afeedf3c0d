"""Processes of ours are found by the mark they carry, ended, and asked to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.machine import processes
from launcher.places import Home

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable, "-c",
    "import signal, time\n"
    "for number in (signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)\n"
    "print('ready', flush=True); time.sleep(60)",
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def started(command: list[str], mark: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, env=os.environ | {processes.MARK: mark}, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def stranger(home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of another instance, whose home has a longer name."""
    with started(SLEEP, f"{home.path}-2") as process:
        yield process
        process.kill()


@pytest.mark.parametrize("command", [SLEEP, STUBBORN])
def test_processes_of_an_instance_are_found_and_ended(
    command: list[str], home: Home, stranger: "subprocess.Popen[bytes]"
) -> None:
    with started(command, str(home.path)) as process:
        assert processes.of_instance(home) == [process.pid]
        processes.end(lambda: [process.pid] if process.poll() is None else [], patience_s=0.3)
        assert process.poll() is not None
    assert processes.of_instance(home) == []
    assert stranger.poll() is None


def test_command_line_names_the_program() -> None:
    assert "python" in processes.command_line(os.getpid())


def test_command_line_of_no_process_is_empty() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert processes.command_line(gone.pid) == ""


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_foreground_returns_the_status_a_shell_would(code: str, status: int) -> None:
    assert processes.foreground([sys.executable, "-c", code], dict(os.environ)) == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_request_to_end_is_passed_on_and_the_child_may_clean_up(number: int, tmp_path: Path) -> None:
    child = (
        "import os, pathlib, signal, time\n"
        "try:\n"
        f"    os.kill(os.getppid(), {int(number)}); time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        f"    pathlib.Path({str(tmp_path / 'cleaned')!r}).touch(); raise SystemExit(5)\n"
    )
    code = (
        "import os, sys; from launcher.machine.processes import foreground\n"
        f"sys.exit(foreground([sys.executable, '-c', {child!r}], dict(os.environ)))"
    )
    parent = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, check=False, timeout=30)
    assert parent.returncode == 5
    assert (tmp_path / "cleaned").exists()


def test_undisturbed_block_is_finished_before_the_interrupt() -> None:
    done = []

    def interrupted() -> None:
        with processes.undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done


def test_wait_for_gives_up() -> None:
    assert not processes.wait_for(lambda: False, 0.1)
    assert processes.wait_for(lambda: True, 0)
