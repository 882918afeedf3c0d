"""What was there is there again, to the last row; what cannot be restored leaves the old database as it was."""

import gzip
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.backups.conftest import Site


def test_everything_comes_back_and_an_sos_works_at_once(site: Site) -> None:
    before = site.content()
    assert {"sos_sosevent": 2, "users_user": 8, "devices_device": 8, "devices_locationtrack": 32}.items() <= {
        table: count for table, (count, _) in before.items()
    }.items()
    file = site.backed_up()
    site.server.drop(site.name)
    done = site.restore(file.name, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"restored {site.name} from {file.name}: 2 events, 8 users, 8 devices; PostGIS" in done.stdout
    assert site.content() == before
    assert site.server.names(site.name) == [site.name]
    assert site.live("press") == "201"


def test_old_database_is_kept_under_another_name(site: Site) -> None:
    file = site.backed_up()
    with site.server.connect(site.name) as connection:
        connection.execute("DELETE FROM devices_locationtrack")
        left = site.content()
        done = site.restore(file, "--yes")  # the service is connected
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert (done.returncode, done.stderr) == (0, "")
    ours, old = site.server.names(site.name)
    assert f'DROP DATABASE "{old}";' in done.stdout
    assert old.startswith(f"{ours}_before_")
    assert site.content(old) == left
    assert site.content()["devices_locationtrack"][0] == 32


def test_nothing_is_done_without_yes(first: Site) -> None:
    before, file = first.content(), first.backed_up()
    done = first.restore(file)
    assert done.returncode == 2
    assert f"would put {file} in the place of the database {first.name}" in done.stderr
    assert "add --yes" in done.stderr
    assert first.server.names(first.name) == [first.name]
    assert first.content() == before


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-2000])


def _changed(file: Path) -> None:
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"+99890", b"+99891")))


def _without_checksum(file: Path) -> None:
    Path(f"{file}.sha256").unlink()


def _with_another_checksum(file: Path) -> None:
    Path(f"{file}.sha256").write_text(f"{'0' * 64}  another.sql.gz\n")


@pytest.mark.parametrize(
    ("spoil", "options", "why"),
    [
        (_cut, [], "is not what its checksum says"),
        (_cut, ["--no-checksum"], "is cut off"),
        (_changed, [], "is not what its checksum says"),
        (_with_another_checksum, [], "is not what its checksum says"),
        (_without_checksum, [], "there is no checksum"),
        (Path.unlink, [], "there is no file"),
    ],
)
def test_spoilt_backup_is_refused(first: Site, spoil: Callable[[Path], None], options: list[str], why: str) -> None:
    before, file = first.content(), first.backed_up()
    spoil(file)
    done = first.restore(file, "--yes", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert first.server.names(first.name) == [first.name]
    assert first.content() == before


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"COPY public.users_user (", b"COPY public.nobody (", 'relation "public.nobody" does not exist'),
        (b"CREATE TABLE public.sos_sosevent ", b"CREATE TABLE public.others ", "sos_sosevent"),
    ],
)
def test_backup_that_cannot_be_read_in_leaves_the_old_database(first: Site, old: bytes, new: bytes, why: str) -> None:
    before, file = first.content(), first.backed_up()
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(old, new)))
    done = first.restore(file, "--yes", "--no-checksum")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the database {first.name} is as it was" in done.stderr
    assert why in done.stderr
    assert first.server.names(first.name) == [first.name]
    assert first.content() == before


def test_backup_of_something_else_is_refused(first: Site) -> None:
    file = first.folder / "other.sql.gz"
    file.write_bytes(gzip.compress(b"CREATE TABLE public.t ();\n-- PostgreSQL database dump complete\n"))
    done = first.restore(file, "--yes", "--no-checksum")
    assert done.returncode == 1
    assert "is not a database of this service" in done.stderr
    assert first.server.names(first.name) == [first.name]


def test_remains_of_a_killed_restore_do_not_matter(site: Site) -> None:
    site.server.create(f"{site.name}_restoring")
    assert site.restore(site.backed_up(), "--yes").returncode == 0


def test_two_restores_at_once_are_one(site: Site) -> None:
    file = site.backed_up()
    site.server.create(f"{site.name}_restoring")
    with site.server.connect(f"{site.name}_restoring"):
        done = site.restore(file, "--yes")
    assert done.returncode == 1
    assert f"another restore of {site.name} is running" in done.stderr


def test_plain_gunzip_and_psql_fills_an_empty_database(first: Site, new_name: Callable[[], str]) -> None:
    before, file = first.content(), first.backed_up()
    empty = first.server.create(new_name())
    done = first.gunzip_into(empty, file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"restored: {file.name}\n", "")
    assert first.content(empty) == before


def test_plain_gunzip_and_psql_replaces_a_live_database(site: Site) -> None:
    before, file = site.content(), site.backed_up()
    with site.server.connect(site.name) as connection:
        types = connection.execute("SELECT 'geography'::regtype::oid").fetchone()
        connection.execute("DELETE FROM devices_locationtrack")
        connection.execute("CREATE TABLE of_a_later_migration (person bigint REFERENCES users_user (id))")
        connection.execute("ALTER TABLE devices_locationtrack DETACH PARTITION devices_locationtrack_default")
        connection.execute("CREATE VIEW later AS SELECT * FROM sos_sosevent")
        done = site.gunzip_into(site.name, file)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"restored: {file.name}\n", "")
        assert connection.execute("SELECT count(*) FROM devices_locationtrack").fetchone() == (32,)
        assert connection.execute("SELECT 'geography'::regtype::oid").fetchone() == types
    assert site.content() == before


def test_plain_gunzip_and_psql_of_a_cut_file_changes_nothing(first: Site) -> None:
    before, file = first.content(), first.backed_up()
    _cut(file)
    done = first.gunzip_into(first.name, file)
    assert "unexpected end of file" in done.stderr
    assert "restored" not in done.stdout
    assert first.content() == before


def test_plain_gunzip_and_psql_of_a_failing_dump_changes_nothing_and_says_so(first: Site) -> None:
    before, file = first.content(), first.backed_up()
    text = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(text.replace(b"COPY public.users_user (", b"COPY public.nobody (")))
    done = first.gunzip_into(first.name, file)
    assert done.returncode == 3
    assert "does not exist" in done.stderr
    assert first.content() == before


def test_tables_restored_by_a_superuser_still_belong_to_the_service(site: Site, new_name: Callable[[], str]) -> None:
    role, empty = new_name(), new_name()
    with site.server.connect(site.name) as connection:
        connection.execute(f"CREATE ROLE {role}")
        try:
            connection.execute(f"ALTER TABLE django_migrations OWNER TO {role}")
            file = site.backed_up()
            connection.execute(f"CREATE DATABASE {empty} OWNER {role}")
            assert site.gunzip_into(empty, file).returncode == 0
            with site.server.connect(empty) as restored:
                owners = restored.execute(
                    "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
                    " AND tablename <> 'spatial_ref_sys'"
                ).fetchall()
            assert owners == [(role,)]
        finally:
            site.server.drop(empty)
            connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
            connection.execute(f"DROP ROLE {role}")
