"""A backup is whole, private and kept for its time, or the script says why not."""

import contextlib
import gzip
import hashlib
import os
import resource
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.commands.backups import path_to_programs
from tests.backups.conftest import ROOT, Site


def test_backup_is_private_whole_and_has_a_checksum(first: Site) -> None:
    file = first.backed_up()
    assert file.name.startswith("mdd_")
    assert file.stat().st_mode & 0o777 == 0o600
    assert first.files() == [file.name, f"{file.name}.sha256"]
    checksum = Path(f"{file}.sha256").read_text()
    assert checksum == f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
    assert subprocess.run(["sha256sum", "-c", f"{file.name}.sha256"], cwd=first.folder, check=False).returncode == 0
    assert "PostgreSQL database dump complete" in gzip.decompress(file.read_bytes()).decode()[-400:]


def test_backup_holds_nothing_that_an_older_server_or_psql_does_not_know(first: Site) -> None:
    lines = gzip.decompress(first.backed_up().read_bytes()).decode().split("\n")
    assert not [line for line in lines if line.startswith(("\\restrict", "\\unrestrict", "SET transaction_timeout"))]


def test_database_is_found_by_a_file_or_by_single_variables(first: Site, tmp_path: Path) -> None:
    address = tmp_path / "url"
    address.write_text(f"{first.environment['DATABASE_URL']}\n")
    assert first.backup(DATABASE_URL="", DATABASE_URL_FILE=str(address)).returncode == 0
    server = first.server
    parts = {
        "HOST": server.host,
        "PORT": server.port,
        "USER": server.user,
        "DB": first.name,
        "PASSWORD": server.password,
    }
    other = first.folder / "other"
    other.mkdir()
    variables = {f"POSTGRES_{name}": value for name, value in parts.items()}
    variables["POSTGRES_DB"] = first.name
    assert first.backup(DATABASE_URL="", BACKUP_DIR=str(other), **variables).returncode == 0


def test_password_is_never_on_a_command_line(first: Site) -> None:
    seen = []
    with subprocess.Popen([ROOT / "scripts/backup_pg.sh"], env=first.environment, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            seen += _command_lines()
    assert running.returncode == 0
    assert any("pg_dump" in line for line in seen)
    secrets = (first.server.password, first.environment["DATABASE_URL"])
    assert not [line for line in seen if any(secret in line for secret in secrets)]


def _command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (process / "cmdline").read_bytes().decode(errors="replace")


class Doorkeeper:
    """As much of a PostgreSQL server as asks for a password, keeps it and refuses it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(OSError):
                    self._refuse(connection)

    def _refuse(self, connection: socket.socket) -> None:
        while True:
            size, code = struct.unpack("!II", connection.recv(8, socket.MSG_WAITALL))
            if code >> 16 == 3:
                break
            connection.sendall(b"N")  # neither TLS nor GSS
        connection.recv(size - 8, socket.MSG_WAITALL)
        connection.sendall(b"R" + struct.pack("!II", 8, 3))
        (size,) = struct.unpack("!xI", connection.recv(5, socket.MSG_WAITALL))
        self.heard.append(connection.recv(size - 4, socket.MSG_WAITALL).rstrip(b"\0").decode())
        why = b"SFATAL\0C28P01\0Mpassword authentication failed for user\0\0"
        connection.sendall(b"E" + struct.pack("!I", len(why) + 4) + why)


@pytest.fixture
def doorkeeper() -> Iterator[Doorkeeper]:
    doorkeeper = Doorkeeper()
    yield doorkeeper
    doorkeeper.listener.close()


AWKWARD = "p@ss:w/rd%41?\\n \"'$(id) ў"


def test_wrong_password_is_told(first: Site, doorkeeper: Doorkeeper) -> None:
    done = first.backup(DATABASE_URL=first.server.url(first.name, password=AWKWARD, port=doorkeeper.port))
    assert done.returncode == 1
    assert "password authentication failed" in done.stderr
    assert done.stderr.count("\n") == 1
    assert doorkeeper.heard == [AWKWARD]
    assert first.files() == []


def test_password_given_apart_wins_over_that_of_the_address(first: Site, doorkeeper: Doorkeeper) -> None:
    url = first.server.url(first.name, password="other", port=doorkeeper.port)
    first.backup(DATABASE_URL=url, POSTGRES_PASSWORD=AWKWARD)
    assert doorkeeper.heard == [AWKWARD]


def test_absent_server_is_told(first: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = first.backup(DATABASE_URL=first.server.url(first.name, port=port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("backup_pg: ")
    assert "Connection refused" in done.stderr
    assert first.files() == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"BACKUP_DIR": "/nowhere"}, "there is no folder /nowhere"),
        ({"BACKUP_KEEP": "0"}, "BACKUP_KEEP: '0' is not a whole number"),
        ({"BACKUP_DAYS": "many"}, "BACKUP_DAYS: 'many' is not a whole number"),
        ({"DATABASE_URL": "mysql://me@here/there"}, "DATABASE_URL: is not a URL like postgres://"),
        ({"DATABASE_URL": "", "DATABASE_URL_FILE": "/nowhere"}, "cannot read the file /nowhere"),
    ],
    ids=str,
)
def test_wrong_setting_is_told(first: Site, changes: dict[str, str], why: str) -> None:
    done = first.backup(**changes)
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert first.files() == []


def test_database_that_is_not_ours_is_told(first: Site) -> None:
    done = first.backup(DATABASE_URL=first.server.url("postgres"))
    assert done.returncode == 1
    assert "holds no django_migrations" in done.stderr


def test_full_disk_leaves_the_older_backup_and_no_remains(first: Site) -> None:
    older = first.backed_up()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = first.backup(preexec_fn=limit)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"backup_pg: no space left in {first.folder}\n"
    assert first.files() == [older.name, f"{older.name}.sha256"]


def test_two_at_once_are_one(first: Site) -> None:
    with first.server.connect(first.name) as connection, connection.transaction():
        connection.execute("LOCK TABLE users_user IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [ROOT / "scripts/backup_pg.sh"], env=first.environment, stdout=subprocess.PIPE, text=True
        ) as running:
            while not any(name.endswith(".part") for name in first.files()):
                assert running.poll() is None
            second = first.backup()
            connection.execute("ROLLBACK")
            assert running.stdout
            name = running.stdout.read().strip()
    assert second.returncode == 1
    assert second.stderr == f"backup_pg: another backup to {first.folder} is running\n"
    assert first.files() == [name, f"{name}.sha256"]


def test_remains_of_a_killed_run_are_cleared_away(first: Site) -> None:
    (first.folder / ".mdd_20200101T000000Z.sql.gz.part").touch()
    file = first.backed_up()
    assert first.files() == [file.name, f"{file.name}.sha256"]


def _plant(first: Site, *ages_days: int) -> list[str]:
    now = datetime.now(UTC)
    names = [f"mdd_{now - timedelta(days=age, minutes=5):%Y%m%dT%H%M%SZ}.sql.gz" for age in ages_days]
    for name in names:
        for kept in (name, f"{name}.sha256"):
            (first.folder / kept).touch()
    return names


def test_only_so_many_are_kept(first: Site) -> None:
    names = _plant(first, 4, 3, 2, 1)
    new = first.folder / first.backup(BACKUP_KEEP="3").stdout.strip()
    kept = [*names[2:], new.name]
    assert first.files() == sorted([*kept, *(f"{name}.sha256" for name in kept)])


def test_only_those_of_so_many_days_are_kept_and_others_files_are_let_be(first: Site) -> None:
    old, young = _plant(first, 31, 29)
    (first.folder / "before_the_move.sql.gz").touch()
    new = first.backed_up()
    assert first.files() == sorted(["before_the_move.sql.gz", young, f"{young}.sha256", new.name, f"{new.name}.sha256"])
    assert old not in first.files()


def test_failed_backup_removes_none(first: Site) -> None:
    names = _plant(first, 400, 300)
    assert first.backup(DATABASE_URL="postgres://nobody@127.0.0.1:1/none").returncode == 1
    assert set(names) < set(first.files())


def test_fresh_backup_stays_even_where_the_clock_went_back(first: Site) -> None:
    _plant(first, -2, -1)
    new = first.folder / first.backup(BACKUP_KEEP="1").stdout.strip()
    assert new.exists()


def test_newest_pg_dump_of_the_machine_is_used() -> None:
    first = path_to_programs().split(os.pathsep)[0]
    assert (Path(first) / "pg_dump").exists()
