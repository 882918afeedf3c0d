"""Finds PostgreSQL with PostGIS, Redis and, for the tests, nginx and Chromium on this machine, or installs them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.machine import apt
from launcher.progress import Failure

OLDEST_POSTGRES = 15
OLDEST_REDIS = 7
FOLDERS = (  # of programs, where PATH does not name them
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
    "Applications/Chromium.app/Contents/MacOS",
    "Applications/Google Chrome.app/Contents/MacOS",
    "usr/bin",
    "usr/sbin",
)
BY_HAND = """\
{what} is needed, and cannot be installed from here (no apt, or no right to use it). Install it yourself:
  Debian, Ubuntu   sudo apt-get install redis-tools postgresql-17-postgis-3
                   (15 on Debian 12, 16 on Ubuntu 24.04)
  macOS            brew install postgresql@17 postgis redis
or give the addresses of running ones, for example from Docker:
  docker run -d -p 5432:5432 -e POSTGRES_PASSWORD=mdd postgis/postgis:16-3.5
  docker run -d -p 6379:6379 redis:7
  export DATABASE_URL=postgres://postgres:mdd@127.0.0.1:5432/postgres REDIS_URL=redis://127.0.0.1:6379/0"""
NGINX_BY_HAND = """\
nginx is needed by the tests, and cannot be fetched from here{why}. Install it yourself:
  Debian, Ubuntu   sudo apt-get install nginx
  macOS            brew install nginx"""
CHROMIUM_BY_HAND = """\
Chromium or Chrome is needed by the tests of the console, and cannot be installed from here (no apt, or no right to use
it). Install it yourself, or name its program in CHROMIUM:
  Debian           sudo apt-get install chromium fonts-dejavu-core
  Ubuntu           Chrome's own package (Ubuntu's chromium is a snap, which tests cannot start everywhere)
  macOS            brew install --cask chromium"""
CHROMIUMS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "Chromium", "Google Chrome")


@dataclass(frozen=True)
class Postgres:
    """The programs of one version of PostgreSQL."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / name)


def postgres(major: int | None = None) -> Postgres:
    """The newest PostgreSQL ≥ 15 that has PostGIS, or that of version `major`; installed if there is none.

    Raises Failure when there is none and none can be installed.
    """
    newest = _newest_postgres(major)
    if newest is None and (package := _postgis_package(major)):
        apt.install([f"postgresql-{package}", f"postgresql-{package}-postgis-3"])
        newest = _newest_postgres(major)
    if newest is None:
        what = f"PostgreSQL {major or f'{OLDEST_POSTGRES} or newer'} with PostGIS"
        raise Failure(BY_HAND.format(what=what))
    return newest


def redis(aliases: Path) -> Path:
    """A server program of Redis ≥ 7 or Valkey; installed if there is none.

    Debian's redis-tools and valkey-tools hold the server under another name, without the system service of
    the server packages. It becomes the server by its name: a link in the folder `aliases`.
    """
    server = _redis_on_system() or _redis_by_alias(aliases)
    if server is None and apt.available():
        apt.install(["redis-tools"])
        server = _redis_by_alias(aliases)
    if server is None:
        raise Failure(BY_HAND.format(what=f"Redis {OLDEST_REDIS} or newer, or Valkey,"))
    return server


def nginx(folder: Path) -> Path:
    """The program nginx; if there is none, Debian's, unpacked into `folder`.

    Installed, it would become a system service that takes port 80 at the next start of the machine.
    Raises Failure when there is none and none can be fetched.
    """
    unpacked = folder / "usr/sbin/nginx"
    for path in (*programs("nginx"), unpacked):
        if _runs(path):
            return path
    if shutil.which("apt-get") is None:
        raise Failure(NGINX_BY_HAND.format(why=" (no apt)"))
    try:
        shutil.rmtree(folder, ignore_errors=True)
        apt.unpack(["nginx", "nginx-common"], folder)
    except Failure as failure:
        raise Failure(f"{failure}\n{NGINX_BY_HAND.format(why='')}") from None
    if not _runs(unpacked):
        raise Failure(NGINX_BY_HAND.format(why=" (the one fetched lacks a library)"))
    return unpacked


def age(folder: Path) -> Path | None:
    """The program age; if there is none, Debian's, unpacked into `folder`; None when none can be fetched."""
    unpacked = folder / "usr/bin/age"
    if not (found := next((path for path in (*programs("age"), unpacked) if path.exists()), None)):
        if shutil.which("apt-get") is None:
            return None
        shutil.rmtree(folder, ignore_errors=True)
        try:
            apt.unpack(["age"], folder)
        except Failure:
            return None
        found = unpacked
    return found


def chromium() -> Path:
    """The system's Chromium or Chrome, or the one that CHROMIUM names; installed, with a font, if there is none.

    Raises Failure when there is none and none can be installed.
    """
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    browser = _chromium_on_system()
    if browser is None and apt.available():
        apt.install(["chromium", "fonts-dejavu-core"])
        browser = _chromium_on_system()
    if browser is None:
        raise Failure(CHROMIUM_BY_HAND)
    return browser


def programs(name: str, root: Path = Path("/")) -> Iterator[Path]:
    """Every program `name` on PATH and in the usual folders below `root`."""
    listed = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    for folder in (*listed, *(path for pattern in FOLDERS for path in root.glob(pattern))):
        if os.access(folder / name, os.X_OK):
            yield folder / name


def version(text: str) -> int:
    """The major version in what `--version` printed, 0 if it names none."""
    match = re.search(r"(?:v=|PostgreSQL\)?\s*)(\d+)", text)
    return int(match[1]) if match else 0


def _newest_postgres(major: int | None) -> Postgres | None:
    installed = (Postgres(path.parent, version(_output(path, "--version"))) for path in programs("initdb"))
    fitting = [p for p in installed if (p.major == major if major else p.major >= OLDEST_POSTGRES) and _has_postgis(p)]
    return max(fitting, key=lambda p: p.major, default=None)


def _has_postgis(candidate: Postgres) -> bool:
    share = _output(candidate.folder / "pg_config", "--sharedir")
    return bool(share) and (Path(share) / "extension" / "postgis.control").exists()


def _postgis_package(major: int | None) -> int | None:
    if not apt.available():
        return None
    return major or apt.newest("postgresql-N-postgis-3", at_least=OLDEST_POSTGRES)


def _chromium_on_system() -> Path | None:
    """Ubuntu has a script of that name which only says where to find the real one: it names no version."""
    for path in (path for name in CHROMIUMS for path in programs(name)):
        if re.search(r"\d+\.\d+", _output(path, "--version")):
            return path
    return None


def _redis_on_system() -> Path | None:
    for name in ("redis-server", "valkey-server"):
        for path in programs(name):
            if version(_output(path, "--version")) >= OLDEST_REDIS:
                return path
    return None


def _redis_by_alias(aliases: Path) -> Path | None:
    for name in ("redis", "valkey"):
        for tool in programs(f"{name}-check-rdb"):
            alias = aliases / f"{name}-server"
            alias.unlink(missing_ok=True)
            alias.symlink_to(tool)
            if version(_output(alias, "--version")) >= OLDEST_REDIS:
                return alias
    return None


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "-v"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _output(program: Path, option: str) -> str:
    try:
        return subprocess.run([program, option], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
