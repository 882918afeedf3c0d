"""The private PostgreSQL and Redis of an instance: their data, their settings, their command lines."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import pq

from launcher.machine import finding
from launcher.machine.account import give, identity, owner, reachable, unprivileged
from launcher.machine.ports import LOOPBACK, kept_port
from launcher.machine.processes import MARK, TEST_RUN, command_line, wait_for
from launcher.places import Home, digest, write_private
from launcher.private.supervision import Program
from launcher.progress import Failure, step

ROLE = DATABASE = "mdd"
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"  # upper and lower case beyond ASCII
PATIENCE_S = 60


def folder(home: Home) -> Path:
    """Where the services of `home` keep their data: in it, or in /var/lib where their account cannot enter it."""
    inside, outside = home.path / "services", Path(f"/var/lib/mdd-{digest(str(home.path))}")
    chosen = next((path for path in (inside, outside) if path.is_dir()), None)
    if chosen is None:
        account = unprivileged()
        chosen = inside if reachable(home.path, account) else outside
        chosen.mkdir()
        give(chosen, account)
    return chosen


def postgres_program(home: Home, *, durable: bool) -> Program:
    """PostgreSQL on its kept port; makes its cluster first if there is none."""
    data = folder(home) / "postgres"
    kept = data / "PG_VERSION"
    postgres = finding.postgres(int(kept.read_text()) if kept.exists() else None)
    if not kept.exists():
        with step("creating the PostgreSQL cluster"):
            _create_cluster(home, postgres, data, durable=durable)
    _forget_dead_server(data)
    settings = {
        "listen_addresses": LOOPBACK,
        "port": kept_port(home, "postgres"),
        "unix_socket_directories": "",
        "max_connections": 200,
        "log_checkpoints": "off",
        **({} if durable else {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return _program(home, "postgres", [postgres.program("postgres"), "-D", str(data), *options], "INT")


def redis_program(home: Home) -> Program:
    """Redis on its kept port, keeping its data."""
    data, aliases = (folder(home) / name for name in ("redis", "bin"))
    for path in (data, aliases):
        path.mkdir(exist_ok=True)
        give(path, owner(folder(home)))
    settings = {
        "bind": LOOPBACK,
        "port": kept_port(home, "redis"),
        "dir": _quoted(data),
        "appendonly": "yes",
        "save": '""',
        "requirepass": home.secret("redis_password"),
        "set-proc-title": "no",  # it would overwrite the mark in its environment
    }
    config = data / "redis.conf"
    write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
    give(config, owner(data))
    return _program(home, "redis", [str(finding.redis(aliases)), str(config)])


def postgres_url(home: Home) -> str:
    return f"postgres://{ROLE}:{home.secret('postgres_password')}@{LOOPBACK}:{home.recall('postgres_port')}/{DATABASE}"


def redis_url(home: Home) -> str:
    return f"redis://:{home.secret('redis_password')}@{LOOPBACK}:{home.recall('redis_port')}/0"


def await_postgres(url: str) -> None:
    """Returns when a server takes connections at `url`, whether or not the database exists."""
    address = _libpq(url).encode()
    if not wait_for(lambda: pq.PGconn.ping(address) == pq.Ping.OK, PATIENCE_S):
        raise Failure(f"PostgreSQL does not answer at {without_password(url)}")


def await_redis(url: str) -> None:
    """Returns when a server answers at `url` and has read its data."""
    if not wait_for(lambda: _pongs(url), PATIENCE_S):
        raise Failure(f"Redis does not answer at {without_password(url)}")


def create_database(home: Home, *, anew: bool = False) -> None:
    """Makes the private database with PostGIS in it, unless it is there; `anew`: drops it first."""
    with psycopg.connect(_libpq(postgres_url(home)), dbname="postgres", autocommit=True) as connection:
        if anew:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [DATABASE]).fetchone():
            return
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(_libpq(postgres_url(home)), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")


def empty_redis(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()


def remove(home: Home) -> None:
    """Deletes the services' data. They must not be running."""
    shutil.rmtree(folder(home), ignore_errors=True)


def without_password(url: str) -> str:
    """`url` as it may be shown."""
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@") if password else url


def _create_cluster(home: Home, postgres: finding.Postgres, data: Path, *, durable: bool) -> None:
    account = owner(data.parent)
    draft = data.with_name("postgres.new")  # so that an interrupted attempt is not taken for a cluster
    shutil.rmtree(draft, ignore_errors=True)
    password = data.with_name("password")
    write_private(password, home.secret("postgres_password"))
    give(password, account)
    command = [
        postgres.program("initdb"), "--pgdata", str(draft), "--username", ROLE, "--pwfile", str(password),
        "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", LOCALE, *([] if durable else ["--no-sync"]),
    ]  # fmt: skip
    result = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=False, **identity(account))
    password.unlink()
    if result.returncode:
        raise Failure(f"initdb failed:\n{result.stdout[-1000:]}{result.stderr[-1000:]}")
    draft.rename(data)


def _forget_dead_server(data: Path) -> None:
    """Removes the lock file of a server that is no more.

    PostgreSQL refuses to start while any process has the pid in it: after a crash of the machine, or in a new
    container, that may be a stranger.
    """
    lock = data / "postmaster.pid"
    if lock.exists() and not _is_postgres_on(data, int(lock.read_text().split("\n", 1)[0])):
        lock.unlink()


def _is_postgres_on(data: Path, pid: int) -> bool:
    words = command_line(pid)
    return "postgres" in words and str(data) in words


def _program(home: Home, name: str, command: list[str], stop_signal: str = "TERM") -> Program:
    """As the services' own account, with nothing of our environment: it holds secrets."""
    account = owner(folder(home))
    marks = [f"{MARK}={home.path}", f"{TEST_RUN}={os.environ.get(TEST_RUN, '')}"]
    clean = ["/usr/bin/env", "-i", f"PATH={os.defpath}", "LC_ALL=C", *marks]
    return Program(
        name, [*clean, *command], folder(home), "services", account.pw_name if account else None, stop_signal
    )


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _libpq(url: str) -> str:
    """Django's URL as libpq reads it."""
    return re.sub(r"^(postgis|postgresql|pgsql)://", "postgres://", url)


def _pongs(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
