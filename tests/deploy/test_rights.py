"""The service works as a role that owns nothing, and that role may do no more than it needs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from mdd_backend.database import rights
from tests.backups.conftest import Server, Site, server  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installation:
    """A database of its owner's, with roles for the service and for backups."""

    owner: Server
    name: str

    def role(self, kind: str) -> Server:
        return Server(self.owner.host, self.owner.port, f"{self.name}_{kind}", "a/password@of:its%own")

    def run(self, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTGRES_")}
        return subprocess.run(
            [sys.executable, *command], env=environment | changes, cwd=ROOT, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

    def migrate(self, **changes: str) -> subprocess.CompletedProcess[str]:
        addresses = {
            "DATABASE_URL": self.owner.url(self.name),
            "SERVICE_DATABASE_URL": self.role("app").url(self.name),
            "BACKUP_DATABASE_URL": self.role("backup").url(self.name),
        }
        return self.run("manage.py", "migrate", "--no-input", **addresses | changes)

    def as_service(self) -> psycopg.Connection[Any]:
        return self.role("app").connect(self.name)


@pytest.fixture(scope="module")
def installed(server: Server) -> Iterator[Installation]:  # noqa: F811
    found = Installation(server, server.create(f"rights_{uuid4().hex[:12]}"))
    try:
        done = found.migrate()
        assert done.returncode == 0, done.stderr
        yield found
    finally:
        server.drop(found.name)
        with server.connect() as connection:
            for kind in ("app", "backup"):
                connection.execute(f"DROP ROLE IF EXISTS {found.name}_{kind}")


@pytest.fixture(scope="module")
def worked(installed: Installation) -> dict[str, Any]:
    """What a day of the service gave."""
    done = installed.run("-m", "tests.deploy.service", DATABASE_URL=installed.role("app").url(installed.name))
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_the_service_does_its_days_work(worked: dict[str, Any]) -> None:
    assert {"EVENT_OPENED", "WAVE_CALLED", "HELPER_ACCEPTED", "WEARER_FINE"} <= set(worked["kinds"])
    assert worked["status"] == "IN_PROGRESS"
    assert "auth_group" in worked["analysed"]
    assert (worked["made"], worked["dropped"]) == (9, 9)


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sos_journalentry SET data = '{}'",
        "DELETE FROM sos_journalentry",
        "TRUNCATE sos_journalentry",
        "TRUNCATE users_user CASCADE",
        "ALTER TABLE sos_journalentry DISABLE TRIGGER ALL",
        "DROP TRIGGER sos_journal_stays ON sos_journalentry",
        "DELETE FROM django_migrations",
        "INSERT INTO auth_permission (name, content_type_id, codename) VALUES ('x', 1, 'x')",
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION devices_make_track_day(day date) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "DROP TABLE devices_locationtrack_default",
        "ALTER TABLE users_user ADD COLUMN mine int",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY users_user TO PROGRAM 'cat'",
        "CREATE ROLE mine SUPERUSER",
        "ALTER ROLE CURRENT_USER SUPERUSER",
    ],
)
def test_the_service_may_not(installed: Installation, statement: str) -> None:
    with installed.as_service() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_the_service_owns_nothing_and_belongs_to_no_other_role(installed: Installation) -> None:
    with installed.as_service() as connection:
        owned = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        assert connection.execute(owned).fetchone() == (0,)
        member = "SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole"
        assert connection.execute(member).fetchone() == (0,)


@pytest.mark.parametrize(
    "day", ["infinity", "20000-01-01", "0044-03-15 BC"], ids=["no day at all", "a year of five digits", "before Christ"]
)
def test_a_day_that_makes_no_name_is_refused(installed: Installation, day: str) -> None:
    with installed.as_service() as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT devices_make_track_day(%s::date)", [day])


def test_a_table_of_the_services_own_does_not_stand_in_for_ours(installed: Installation) -> None:
    """Where temporary tables are allowed after all, the functions still see the owner's."""
    app = installed.role("app").user
    with installed.owner.connect(installed.name) as owner:
        owner.execute(f"GRANT TEMPORARY ON DATABASE {installed.name} TO {app}")
        with installed.as_service() as connection:
            connection.execute("CREATE TEMPORARY TABLE devices_locationtrack (id int)")
            connection.execute("CREATE TEMPORARY TABLE devices_device (id int)")
            assert connection.execute("SELECT devices_make_track_day('2002-02-02')").fetchone() == (True,)
        dropped = owner.execute("SELECT devices_drop_track_day('2002-02-02', NULL, NULL, NULL)").fetchone()
        assert dropped == (0,)
    assert installed.migrate().returncode == 0
    with installed.as_service() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TEMPORARY TABLE mine ()")


def test_a_new_table_and_a_changed_right_need_nobody_to_remember_them(installed: Installation) -> None:
    app = installed.role("app").user
    with installed.owner.connect(installed.name) as owner, installed.as_service() as service:
        owner.execute("CREATE TABLE of_a_later_migration (id bigint GENERATED BY DEFAULT AS IDENTITY, word text)")
        service.execute("INSERT INTO of_a_later_migration (word) VALUES ('at once')")
        owner.execute(f"GRANT ALL ON sos_journalentry TO {app}; REVOKE ALL ON users_user FROM {app}")
        done = installed.migrate()
        assert done.returncode == 0, done.stderr
        service.execute("SELECT count(*) FROM users_user")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("TRUNCATE sos_journalentry")
        owner.execute("DROP TABLE of_a_later_migration")


def test_backups_read_all_and_write_nothing(installed: Installation) -> None:
    with installed.role("backup").connect(installed.name) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            connection.execute(f"SELECT count(*) FROM {table}")
        for statement in (
            "DELETE FROM users_user",
            "UPDATE users_user SET full_name = ''",
            "INSERT INTO auth_group (name) VALUES ('mine')",
            "SELECT devices_make_track_day('2002-02-02')",
            "SELECT monitoring_analyse_outgrown()",
            "CREATE TABLE mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_an_owner_who_may_make_roles_and_nothing_else_says_it_again(server: Server) -> None:  # noqa: F811
    maker, made = f"maker_{uuid4().hex[:12]}", f"made_{uuid4().hex[:12]}"
    with server.connect() as owner:
        owner.execute(f"CREATE ROLE {maker} LOGIN CREATEROLE PASSWORD 'a-password'")
        try:
            with Server(server.host, server.port, maker, "a-password").connect() as connection:
                for password in ("first", "second"):
                    rights._role(connection, {"USER": made, "PASSWORD": password}, "SERVICE_DATABASE_URL")
        finally:
            owner.execute(f"DROP ROLE IF EXISTS {made}; DROP ROLE {maker}")


def test_the_owner_is_not_taken_for_the_service(installed: Installation) -> None:
    done = installed.migrate(SERVICE_DATABASE_URL=installed.owner.url(installed.name))
    assert done.returncode == 1
    assert "SERVICE_DATABASE_URL: its user must be another than the owner" in done.stderr


@pytest.mark.usefixtures("worked")
def test_a_backup_by_its_own_role_is_whole_and_the_service_works_while_it_is_restored(
    installed: Installation, tmp_path: Path
) -> None:
    """By gunzip and psql, into the database in use: rights on the new tables do not wait for the next migrate."""
    owner = Site(installed.owner, installed.name, tmp_path)
    before = owner.content()
    file = Site(installed.role("backup"), installed.name, tmp_path).backed_up()
    with installed.as_service() as service:
        done = owner.gunzip_into(installed.name, file)
        assert (done.returncode, done.stdout) == (0, f"restored: {file.name}\n"), done.stderr
        assert owner.content() == before
        service.execute("UPDATE users_user SET full_name = full_name")
        assert service.execute("SELECT devices_make_track_day('2003-03-03')").fetchone() == (True,)
        assert installed.migrate().returncode == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("DELETE FROM sos_journalentry")
        service.execute("SELECT devices_drop_track_day('2003-03-03', NULL, NULL, NULL)")


def test_a_backup_by_hand_takes_the_user_whose_password_it_was_given(installed: Installation, tmp_path: Path) -> None:
    site = Site(installed.role("app"), installed.name, tmp_path)
    done = site.backup(POSTGRES_USER=installed.owner.user, POSTGRES_PASSWORD=installed.owner.password)
    assert (done.returncode, done.stderr) == (0, "")
