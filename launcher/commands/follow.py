"""Shows the logs of all processes as one, each line under its process's name."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

COLOURS = {"web": 36, "worker": 32, "beat": 35, "sweep": 33, "postgres": 34, "redis": 31, "fcm": 90}
WIDTH = 8
CHUNK = 1 << 16


class Tail:
    """Reads what is added to a file that may not exist yet, and may be renamed away when it is full."""

    def __init__(self, path: Path, *, from_end: bool = True) -> None:
        self._path = path
        self._rest = b""
        self._file = None
        if from_end and path.exists():
            self._file = path.open("rb")
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> list[str]:
        """The lines completed since the last call."""
        lines = self._completed()
        if self._rotated():
            if self._file:
                self._file.close()
            self._file = self._path.open("rb")
            lines += self._completed()
        return lines

    def _completed(self) -> list[str]:
        if self._file is None:
            return []
        *whole, self._rest = (self._rest + self._file.read(CHUNK)).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def _rotated(self) -> bool:
        try:
            now = self._path.stat()
        except OSError:
            return False
        if self._file is None:
            return True
        here = os.fstat(self._file.fileno())
        return now.st_ino != here.st_ino and self._file.tell() >= here.st_size


def follow(logs: Path, names: Iterable[str]) -> Callable[[], None]:
    """Begins at the logs' present ends; each call of what it returns prints the lines since."""
    tails = {name: Tail(logs / f"{name}.log") for name in names}

    def show() -> None:
        for name, tail in tails.items():
            for line in tail.lines():
                sys.stdout.write(f"{label(name)} {line}\n")
        sys.stdout.flush()

    return show


def label(name: str) -> str:
    """`name` as it stands before a line, in its colour on a terminal."""
    text = f"{name:<{WIDTH}}|"
    return f"\033[{COLOURS.get(name, 37)}m{text}\033[0m" if sys.stdout.isatty() else text
