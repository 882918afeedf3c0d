"""The account PostgreSQL and Redis run under: `postgres` refuses to run as root."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import TypedDict

Account = pwd.struct_passwd | None  # None: ourselves


class Identity(TypedDict, total=False):
    """The arguments that make `subprocess` run a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


def unprivileged() -> Account:
    """Whom new services belong to when we are root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def owner(path: Path) -> Account:
    """Whom the services with their data in `path` belong to when we are root: not always whom we would choose now."""
    return pwd.getpwuid(path.stat().st_uid) if os.geteuid() == 0 else None


def identity(account: Account) -> Identity:
    """The account as arguments for `subprocess`."""
    return Identity(user=account.pw_uid, group=account.pw_gid, extra_groups=[]) if account else Identity()


def reachable(folder: Path, account: Account) -> bool:
    """Whether the account may enter `folder`, parents included."""
    command = ["test", "-x", str(folder)]
    return subprocess.run(command, cwd="/", check=False, **identity(account)).returncode == 0


def give(path: Path, account: Account) -> Path:
    """Makes the account the owner of `path`, and nobody else a reader."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    return path
