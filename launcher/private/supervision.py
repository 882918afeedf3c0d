"""Supervisor keeps the processes alive: its configuration, and how to speak to it."""

import contextlib
import http.client
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.machine.processes import wait_for
from launcher.places import Home, digest
from launcher.progress import Failure

SOCKET_PATH_LIMIT = 90  # bytes; the system's is 104 to 108, and supervisor lengthens the path for a moment
FOREVER = 1_000_000

# Log files are named from the home, where supervisor is started: it expands % in their paths twice.
CONFIG = """\
[unix_http_server]
file = {socket}
chmod = 0700

[supervisord]
nodaemon = true
silent = true
logfile = log/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = run/supervisord.pid
{root}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
# Its delay between attempts grows by a second each time; after a second of life it starts over.
PROGRAM = """
[program:{name}]
command = {command}
directory = {folder}
environment = MDD_PROCESS="{name}"
{user}autostart = {autostart}
autorestart = true
startsecs = 1
startretries = {retries}
stopsignal = {stop_signal}
stopasgroup = {as_group}
killasgroup = true
stopwaitsecs = 8
redirect_stderr = true
stdout_logfile = log/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 2
"""
GROUP = """
[group:{name}]
programs = {programs}
priority = {priority}
"""


@dataclass(frozen=True)
class Program:
    """One process to be kept alive."""

    name: str
    command: list[str]
    folder: Path
    group: str
    user: str | None = None
    stop_signal: str = "TERM"


GROUPS = ("services", "standins", "app")  # in the order they are started in; stopped in the reverse
AT_ONCE = "services"


def configuration(home: Home, programs: Iterable[Program]) -> str:
    """The text of supervisor's configuration file."""
    listed = list(programs)
    root = "user = root\n" if os.geteuid() == 0 else ""
    general = CONFIG.format(socket=escaped(socket_path(home)), root=root)
    groups = (_group(name, [p.name for p in listed if p.group == name]) for name in GROUPS)
    return general + "".join(_program(program) for program in listed) + "".join(groups)


def escaped(value: str | Path) -> str:
    """`value` as supervisor must read it: it expands %, and takes what follows a blank and ; or # for a comment."""
    text = str(value)
    if "\n" in text or any(mark in text for mark in (" ;", " #", "\t;", "\t#")):
        raise Failure(f"supervisor cannot be told this path, please choose another: {text!r}")
    return text.replace("%", "%%")


def socket_path(home: Home) -> Path:
    """Where supervisor listens: in the home, or in a short folder when that path is too long for a socket."""
    path = home.run / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    base = tempfile.gettempdir()
    short = Path(base if len(base) < SOCKET_PATH_LIMIT // 2 else "/tmp") / f"mdd-{digest(str(home.path))}"  # noqa: S108
    if short.exists() and short.stat().st_uid != os.geteuid():
        raise Failure(f"{short} belongs to another user; set TMPDIR to a folder of yours")
    return short / "s"


def remove_socket(home: Home) -> None:
    """Deletes what a supervisor that has ended left of its socket."""
    path = socket_path(home)
    path.unlink(missing_ok=True)
    if path.parent != home.run:
        with contextlib.suppress(FileNotFoundError):
            path.parent.rmdir()


def launch(home: Home, programs: Iterable[Program], environment: dict[str, str]) -> None:
    """Starts supervisor, which starts the programs of the group `services`, and waits until it can be spoken to."""
    socket_path(home).parent.mkdir(mode=0o700, exist_ok=True)
    config = home.run / "supervisord.conf"
    config.write_text(configuration(home, programs))
    log = home.logs / "supervisord.out"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(config)],
            cwd=home.path, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,  # Ctrl-C is for us: we end it in the right order
        )  # fmt: skip
    if not wait_for(lambda: process.poll() is not None or running(home), 20) or process.poll() is not None:
        raise Failure(f"supervisor did not start:\n{log.read_text()[-2000:]}")


def running(home: Home) -> bool:
    """Whether this instance's supervisor answers, and is not about to end."""
    state = _ask(home, "getState")
    return bool(state and state["statename"] == "RUNNING")


def pid(home: Home) -> int | None:
    """The supervisor's own pid."""
    supervisor_pid: int | None = _ask(home, "getPID")
    return supervisor_pid


def start(home: Home, group: str) -> None:
    """Starts the programs of `group`; does not wait for them to be of use."""
    with _talk(home) as supervisor:
        supervisor.startProcessGroup(group, False)


def shutdown(home: Home) -> None:
    """Asks supervisor to stop everything and to end; returns at once."""
    _ask(home, "shutdown")


def started(home: Home) -> set[str]:
    """The programs that were started, be they running or about to be started again."""
    return {row["name"] for row in _ask(home, "getAllProcessInfo") or [] if row["start"]}


def pids(home: Home) -> dict[str, int]:
    """The running programs."""
    return {row["name"]: int(row["pid"]) for row in _ask(home, "getAllProcessInfo") or [] if row["pid"]}


def _ask(home: Home, question: str) -> Any:
    """The supervisor's answer; None when there is no supervisor."""
    with contextlib.suppress(OSError, xmlrpc.client.Error, http.client.HTTPException), _talk(home) as supervisor:
        return getattr(supervisor, question)()


def _program(program: Program) -> str:
    return PROGRAM.format(
        name=program.name,
        command=escaped(shlex.join(program.command)),
        folder=escaped(program.folder),
        user=f"user = {program.user}\n" if program.user else "",
        autostart=str(program.group == AT_ONCE).lower(),
        retries=FOREVER,
        stop_signal=program.stop_signal,
        as_group=str(program.stop_signal == "TERM").lower(),
    )


def _group(name: str, programs: list[str]) -> str:
    if not programs:
        return ""
    return GROUP.format(name=name, programs=",".join(programs), priority=GROUPS.index(name) + 1)


@contextlib.contextmanager
def _talk(home: Home) -> Iterator[Any]:
    with xmlrpc.client.ServerProxy("http://supervisor/RPC2", transport=_Transport(socket_path(home))) as proxy:
        yield proxy.supervisor


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        return _Connection(self._path)
