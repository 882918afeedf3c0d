"""Databases of our own on the tests' PostgreSQL, with people and events in them, and the scripts run on those."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from launcher.commands.backups import path_to_programs
from launcher.private import on_demand

AGE = os.environ.get("AGE", "")  # as `./mdd test` has found it
ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = (
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "POSTGRES_PASSWORD",
    "BACKUP_DIR",
    "BACKUP_KEEP",
    "BACKUP_DAYS",
    "BACKUP_AGE_RECIPIENT",
)


@dataclass(frozen=True)
class Server:
    """The tests' PostgreSQL. `password`: what it wants, or, where it wants none, what it will not mind."""

    host: str
    port: str
    user: str
    password: str

    def url(self, name: str, *, password: str | None = None, port: int | str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgres://{quote(self.user)}:{secret}@{self.host}:{port or self.port}/{name}"

    def connect(self, name: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(self.url(name), autocommit=True)

    def create(self, name: str, like: str = "template1") -> str:
        with self.connect() as connection:
            query = "CREATE DATABASE {} TEMPLATE {}"
            connection.execute(sql.SQL(query).format(sql.Identifier(name), sql.Identifier(like)))
        return name

    def drop(self, name: str) -> None:
        """With what a restore has kept of it."""
        with self.connect() as connection:
            for (found,) in connection.execute(
                "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)", [name, f"{name}_"]
            ).fetchall():
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(found)))

    def names(self, beginning: str) -> list[str]:
        with self.connect() as connection:
            query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
            return [name for (name,) in connection.execute(query, [beginning]).fetchall()]


@dataclass(frozen=True)
class Site:
    """One database of the service with its folder of backups, and the scripts as they run there."""

    server: Server
    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([path_to_programs(), *([str(Path(AGE).parent)] if AGE else [])])
        ours = {"DATABASE_URL": self.server.url(self.name), "BACKUP_DIR": str(self.folder), "PATH": path}
        return {name: value for name, value in os.environ.items() if name not in NOT_OURS} | ours

    def run(self, *command: str | Path, **changes: Any) -> subprocess.CompletedProcess[str]:
        """`changes`: of the environment; `stdin` and what else subprocess.run takes in lower case."""
        variables = {name: changes.pop(name) for name in list(changes) if name.isupper()}
        return subprocess.run(
            command, env=self.environment | variables, cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=60, **changes,
        )  # fmt: skip

    def backup(self, **changes: Any) -> subprocess.CompletedProcess[str]:
        return self.run(ROOT / "scripts/backup_pg.sh", **changes)

    def backed_up(self) -> Path:
        """A fresh backup."""
        done = self.backup()
        assert (done.returncode, done.stderr) == (0, "")
        return self.folder / done.stdout.strip()

    def restore(self, file: Path | str, *options: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        return self.run(ROOT / "scripts/restore_pg.sh", str(file), *options, **changes)

    def gunzip_into(self, name: str, file: Path) -> subprocess.CompletedProcess[str]:
        """The specification's plain command: gunzip < FILE | psql -d NAME"""
        host = f"-h {self.server.host} -p {self.server.port} -U {self.server.user}"
        return self.run(
            "sh", "-c", f"gunzip < '{file}' | psql {host} -d '{name}'", PGPASSWORD=self.server.password
        )  # fmt: skip

    def live(self, *what: str) -> str:
        """What the service itself, started for it, prints: see life.py."""
        done = self.run(sys.executable, "-m", "tests.backups.life", *what)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def content(self, name: str | None = None) -> dict[str, tuple[int, str]]:
        """For each table the number of its rows and a checksum over them; for each sequence where it stands."""
        with self.server.connect(name or self.name) as connection:
            connection.execute("SET timezone = 'UTC'")
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys'"
            ).fetchall()
            query = "SELECT count(*), md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} t"
            rows = {t: connection.execute(sql.SQL(query).format(sql.Identifier(t))).fetchone() for (t,) in tables}
            places = connection.execute("SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences").fetchall()
            return rows | {place: (value, "") for place, value in places}  # type: ignore[return-value]

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture(scope="session")
def server() -> Server:
    on_demand.keep_promise()
    database = settings.DATABASES["default"]
    host, port = database.get("HOST") or "127.0.0.1", str(database.get("PORT") or 5432)
    return Server(host, port, database["USER"], database.get("PASSWORD") or "an-unneeded/@:%secret")


@pytest.fixture(scope="session")
def lived_in(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with people, devices, tracks in several partitions, and open events."""
    name = server.create(f"lived_{uuid4().hex[:12]}")
    try:
        Site(server, name, tmp_path_factory.mktemp("none")).live("begin")
        yield name
    finally:
        server.drop(name)


@pytest.fixture
def new_name(server: Server) -> Iterator[Callable[[], str]]:
    """Names for databases, dropped afterwards."""
    names = []

    def make() -> str:
        names.append(f"site_{uuid4().hex[:12]}")
        return names[-1]

    yield make
    for name in names:
        server.drop(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def first(server: Server, lived_in: str, folder: Path) -> Site:
    """The lived-in database itself, for what must leave it as it is."""
    return Site(server, lived_in, folder)


@pytest.fixture
def site(server: Server, lived_in: str, new_name: Callable[[], str], folder: Path) -> Site:
    """A copy of it."""
    return Site(server, server.create(new_name(), like=lived_in), folder)
