"""Processes of ours: run in the foreground, found again when their supervisor is gone, ended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType

from launcher.places import PROJECT, Home

MARK = "MDD_INSTANCE"  # in the environment of everything an instance starts: its home
TEST_RUN = "MDD_TEST_RUN"  # in that of everything a test run starts, other instances too: the run's own home
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def foreground(command: list[str], environment: dict[str, str]) -> int:
    """Runs `command` in the project's folder; returns its exit status as a shell would.

    A request to end is passed on as SIGINT, which lets it clean up; then we wait for it.
    """
    # A terminal sends its Ctrl-C to the whole group; there the child must stay in ours to read from it.
    at_terminal = sys.stdin.isatty()
    child = subprocess.Popen(command, env=environment, cwd=PROJECT, process_group=None if at_terminal else 0)

    def pass_on(number: int, _: FrameType | None) -> None:
        if not (at_terminal and number == signal.SIGINT):
            child.send_signal(signal.SIGINT)

    with handling(pass_on):
        status = child.wait()
    return 128 - status if status < 0 else status


@contextlib.contextmanager
def handling(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> Iterator[None]:
    """Answers SIGINT, SIGTERM and SIGHUP with `handler` during the block."""
    before = {number: signal.signal(number, handler) for number in ENDING}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def interrupt_once(_: int, __: FrameType | None) -> None:
    """A handler that ends the command by KeyboardInterrupt; what comes after must not disturb the cleaning up."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Puts a request to end off until the block is over, for what must not be left half done."""
    signals: list[int] = []
    with handling(lambda number, _: signals.append(number)):
        yield
    if signals:
        raise KeyboardInterrupt


def command_line(pid: int) -> str:
    """The command a process was started with; empty when there is no such process."""
    if not Path("/proc/self").exists():
        listing = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return listing.stdout.strip()
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def of_instance(home: Home) -> list[int]:
    """The pids of all that was started for `home`, whoever their parent is now."""
    return _marked(f"{MARK}={home.path}")


def of_test_run(home: Home) -> list[int]:
    """The pids of all that the tests with the throwaway `home` started and left."""
    return _marked(f"{TEST_RUN}={home.path}")


def _marked(mark: str) -> list[int]:
    find = _marked_in_proc if Path("/proc/self/environ").exists() else _marked_in_ps
    return [pid for pid in find(mark) if pid != os.getpid()]


def end(pids: Callable[[], Iterable[int]], patience_s: float = 4.0) -> None:
    """Ends the processes `pids` names, asking politely first.

    SIGINT is PostgreSQL's fast shutdown; SIGKILL is safe for it too, the next start recovers.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if wait_for(lambda: not list(pids()), patience_s):
            return


def wait_for(condition: Callable[[], object], timeout_s: float) -> bool:
    """Asks until `condition` holds; False when it did not within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _marked_in_proc(mark: str) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is another user's, or ended meanwhile
            if mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                yield int(process.name)


def _marked_in_ps(mark: str) -> Iterator[int]:
    listing = subprocess.run(["ps", "axEww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
    for line in listing.stdout.splitlines():
        pid, _, rest = line.strip().partition(" ")
        if f" {mark} " in f"{rest} ":
            yield int(pid)
