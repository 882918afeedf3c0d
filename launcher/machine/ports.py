"""TCP ports on 127.0.0.1: which are free, and who has the others."""

import contextlib
import os
import random
import socket
from pathlib import Path

from launcher.machine.processes import command_line
from launcher.places import Home
from launcher.progress import Failure

LOOPBACK = "127.0.0.1"
RANGE = range(20000, 32000)  # below those the system gives to outgoing connections, so a kept port stays free
LISTEN = "0A"  # the state in /proc/net/tcp


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nothing listens on."""
    for _ in range(200):
        if is_free(port := random.choice(RANGE)):
            return port
    raise Failure(f"no free port between {RANGE.start} and {RANGE.stop} on {LOOPBACK}")


def kept_port(home: Home, name: str) -> int:
    """The port of this name in `home`: chosen once, and again only when something else has taken it.

    To be asked before the server is started, not while it runs.
    """
    port = home.recall(f"{name}_port")
    if not isinstance(port, int) or not is_free(port):
        port = free_port()
        home.remember(**{f"{name}_port": port})
    return port


def web_port() -> int:
    """`MDD_PORT`, or 8000. Raises Failure when it is no port."""
    raw = os.environ.get("MDD_PORT") or "8000"
    if not raw.isdecimal() or not 1 <= int(raw) <= 65535:
        raise Failure(f"MDD_PORT: {raw!r} is not a port from 1 to 65535")
    return int(raw)


def demand(port: int, command: str) -> None:
    """Raises Failure when `port` is taken, saying by what, and how to choose another."""
    if not is_free(port):
        raise Failure(
            f"port {port} is taken by {holder(port)}\nchoose another: MDD_PORT={_next_free(port)} ./mdd {command}"
        )


def holder(port: int) -> str:
    """What listens on `port`: its pid and command where they can be read."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & _open_files(process):
            return f"process {process.name} ({command_line(int(process.name))[:120]})"
    return "another program"


def _next_free(port: int) -> int:
    return next((p for p in range(port + 1, min(port + 100, 65536)) if is_free(p)), 0) or free_port()


def _listening(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        inodes |= {row[9] for row in rows if row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port}
    return inodes


def _open_files(process: Path) -> set[str]:
    files = set()
    with contextlib.suppress(OSError):  # it is another user's, or ended meanwhile
        for link in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                files.add(os.readlink(link))
    return files
