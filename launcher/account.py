"""The account PostgreSQL and Redis run under: `postgres` refuses to run as root."""

import functools
import os
import pwd
import subprocess
from pathlib import Path
from typing import TypedDict


class Identity(TypedDict, total=False):
    """The arguments that make `subprocess` run a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


@functools.cache
def unprivileged() -> pwd.struct_passwd | None:
    """Whom the services run as when we are root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def identity() -> Identity:
    """The account as arguments for `subprocess`."""
    account = unprivileged()
    return Identity(user=account.pw_uid, group=account.pw_gid, extra_groups=[]) if account else Identity()


def reachable(folder: Path) -> bool:
    """Whether the account may enter `folder`, parents included."""
    command = ["test", "-x", str(folder)]
    return subprocess.run(command, cwd="/", check=False, **identity()).returncode == 0


def give(path: Path) -> Path:
    """Makes the account the owner of `path`, and nobody else a reader."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if account := unprivileged():
        os.chown(path, account.pw_uid, account.pw_gid)
    return path
