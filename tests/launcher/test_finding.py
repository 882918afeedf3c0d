"""PostgreSQL with PostGIS, Redis, nginx and Chromium are found where real machines have them, by their names there."""

from pathlib import Path

import pytest

from launcher.machine import finding
from launcher.machine.finding import Postgres, version


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which only what a test installs can be found, and nothing can be added."""
    root = tmp_path / "machine"
    monkeypatch.setattr(finding, "FOLDERS", ("lib/postgresql/*/bin",))
    monkeypatch.setattr(finding.programs, "__defaults__", (root,))
    monkeypatch.setenv("PATH", str(root / "bin"))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(finding.apt, "available", lambda: False)
    return root


def script(path: Path, *cases: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *cases)))
    path.chmod(0o755)
    return path


def install_postgres(root: Path, major: int, *, postgis: bool = True) -> Path:
    folder = root / "lib" / "postgresql" / str(major) / "bin"
    share = root / "share" / str(major)
    (share / "extension").mkdir(parents=True)
    if postgis:
        (share / "extension" / "postgis.control").touch()
    script(folder / "initdb", f"echo 'initdb (PostgreSQL) {major}.4 (Debian {major}.4-1)'")
    script(folder / "pg_config", f"echo '{share}'")
    return folder


@pytest.mark.parametrize(
    ("printed", "major"),
    [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
        ("initdb (PostgreSQL) 17.0", 17),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", 7),
        ("Valkey server v=8.1.1 sha=00000000:0", 8),
        ("command not found", 0),
    ],
)
def test_major_version(printed: str, major: int) -> None:
    assert version(printed) == major


def test_newest_postgres_that_has_postgis_is_taken(machine: Path) -> None:
    install_postgres(machine, 15)
    folder = install_postgres(machine, 16)
    install_postgres(machine, 17, postgis=False)
    assert finding.postgres() == Postgres(folder, 16)


def test_cluster_gets_the_postgres_that_made_it(machine: Path) -> None:
    folder = install_postgres(machine, 15)
    install_postgres(machine, 17)
    assert finding.postgres(15) == Postgres(folder, 15)


def test_too_old_postgres_is_none(machine: Path) -> None:
    install_postgres(machine, 14)
    with pytest.raises(finding.Failure, match="PostgreSQL 15 or newer with PostGIS is needed"):
        finding.postgres()


def test_cluster_of_a_version_that_is_gone_names_it(machine: Path) -> None:
    install_postgres(machine, 17)
    with pytest.raises(finding.Failure, match="PostgreSQL 15 with PostGIS is needed"):
        finding.postgres(15)


def test_redis_on_path_is_taken(machine: Path, tmp_path: Path) -> None:
    server = script(machine / "bin" / "redis-server", "echo 'Redis server v=7.2.4 sha=0'")
    assert finding.redis(tmp_path) == server


def test_tool_that_is_the_server_under_another_name_is_linked(machine: Path, tmp_path: Path) -> None:
    answer = "case $0 in *-server) echo 'Redis server v=7.0.15 sha=0';; esac"
    tool = script(machine / "bin" / "redis-check-rdb", answer)
    alias = finding.redis(tmp_path)
    assert alias == tmp_path / "redis-server"
    assert alias.resolve() == tool


def test_too_old_redis_is_none_and_the_ways_out_are_told(machine: Path, tmp_path: Path) -> None:
    script(machine / "bin" / "redis-server", "echo 'Redis server v=6.0.16 sha=0'")
    with pytest.raises(finding.Failure, match=r"(?s)Redis 7 or newer.*apt-get.*brew.*docker.*REDIS_URL"):
        finding.redis(tmp_path)


def test_nginx_of_the_machine_is_taken(machine: Path, tmp_path: Path) -> None:
    program = script(machine / "bin" / "nginx", "exit 0")
    assert finding.nginx(tmp_path / "nginx") == program


def test_nginx_is_unpacked_once_where_there_is_none(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(machine / "bin" / "apt-get", "exit 0")
    fetched = []

    def unpack(packages: list[str], folder: Path) -> None:
        fetched.extend(packages)
        script(folder / "usr" / "sbin" / "nginx", "exit 0")

    monkeypatch.setattr(finding.apt, "unpack", unpack)
    assert [finding.nginx(tmp_path / "nginx") for _ in range(2)] == [tmp_path / "nginx" / "usr" / "sbin" / "nginx"] * 2
    assert fetched == ["nginx", "nginx-common"]


def test_nginx_that_lacks_a_library_is_none(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(machine / "bin" / "apt-get", "exit 0")
    monkeypatch.setattr(finding.apt, "unpack", lambda _, folder: script(folder / "usr" / "sbin" / "nginx", "exit 127"))
    with pytest.raises(finding.Failure, match=r"(?s)lacks a library.*apt-get install nginx"):
        finding.nginx(tmp_path / "nginx")


def test_no_nginx_and_no_apt_tells_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(finding.Failure, match=r"(?s)nginx is needed by the tests.*no apt.*apt-get.*brew"):
        finding.nginx(tmp_path / "nginx")


def test_chromium_of_the_machine_is_taken(machine: Path) -> None:
    program = script(machine / "bin" / "chromium", "echo 'Chromium 140.0.7339.80 built on Debian'")
    assert finding.chromium() == program


def test_script_that_only_says_where_to_find_chromium_is_not_taken(machine: Path) -> None:
    script(machine / "bin" / "chromium-browser", "echo 'requires the chromium snap to be installed'; exit 1")
    chrome = script(machine / "bin" / "google-chrome", "echo 'Google Chrome 140.0.7339.80'")
    assert finding.chromium() == chrome


def test_chromium_is_installed_with_a_font_where_there_is_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = []

    def install(packages: list[str]) -> None:
        installed.extend(packages)
        script(machine / "bin" / "chromium", "echo 'Chromium 140.0'")

    monkeypatch.setattr(finding.apt, "available", lambda: True)
    monkeypatch.setattr(finding.apt, "install", install)
    assert [finding.chromium() for _ in range(2)] == [machine / "bin" / "chromium"] * 2
    assert installed == ["chromium", "fonts-dejavu-core"]


def test_named_chromium_is_taken_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "mine"))
    assert finding.chromium() == tmp_path / "mine"


def test_no_chromium_and_no_apt_tells_the_ways_out(machine: Path) -> None:
    with pytest.raises(finding.Failure, match=r"(?s)Chromium or Chrome is needed.*apt-get install chromium.*brew"):
        finding.chromium()


def test_age_is_unpacked_once_where_there_is_none(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(machine / "bin" / "apt-get", "exit 0")
    fetched = []

    def unpack(packages: list[str], folder: Path) -> None:
        fetched.extend(packages)
        script(folder / "usr" / "bin" / "age", "exit 0")

    monkeypatch.setattr(finding.apt, "unpack", unpack)
    assert [finding.age(tmp_path / "age") for _ in range(2)] == [tmp_path / "age" / "usr" / "bin" / "age"] * 2
    assert fetched == ["age"]


def test_no_age_and_no_apt_is_none(tmp_path: Path) -> None:
    assert finding.age(tmp_path / "age") is None
