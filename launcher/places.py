"""Where things are: the project, and the home of an instance with its data, logs and secrets."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parent.parent
PRIVATE = 0o600


@dataclass(frozen=True)
class Home:
    """The folder of one instance. Two instances with different homes know nothing of each other."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def admin_file(self) -> Path:
        return self.path / "admin.txt"

    def made(self) -> "Home":
        """Creates the folders; returns itself."""
        for folder in (self.path, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    def recall(self, name: str) -> Any:
        """What `remember` kept under this name, or None."""
        return self._kept().get(name)

    def remember(self, **values: Any) -> None:
        """Keeps small facts, such as a port, from one command to the next."""
        write_private(self.path / "state.json", json.dumps(self._kept() | values, indent=1))

    def secret(self, name: str, size: int = 40) -> str:
        """The secret of this name: `size` random bytes as text, made at the first call and kept."""
        key = f"secret_{name}"
        if not self.recall(key):
            self.remember(**{key: secrets.token_urlsafe(size)})
        return str(self.recall(key))

    def _kept(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads((self.path / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return kept


def default_home() -> Home:
    """`MDD_HOME`, or `.mdd` in the project."""
    return Home(Path(os.environ.get("MDD_HOME") or PROJECT / ".mdd").expanduser().absolute())


def digest(*parts: str | bytes) -> str:
    """A short name for all of `parts`, in their order."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
        whole.update(b"\0")
    return whole.hexdigest()[:16]


def write_private(path: Path, text: str) -> None:
    """Replaces the file at once and whole; only its owner can read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, PRIVATE), "w") as file:
        file.write(text)
    draft.replace(path)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[IO[str]]:
    """Holds a file lock, which ends with the process whatever happens. Waits for it if it must."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield file


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Like `locked`, but never waits: yields whether the lock was free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
