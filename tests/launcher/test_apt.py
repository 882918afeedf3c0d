"""Packages are installed or unpacked without touching the machine's own settings, services and clusters."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from launcher.machine import apt

OWN = "# mine\ncreate_main_cluster = true\nstart_conf = 'manual'\n"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "createcluster.conf"
    path.write_text(OWN)
    return path


def run_script(tmp_path: Path, conf: Path, apt_get: str, *packages: str) -> "subprocess.CompletedProcess[str]":
    """The script on a machine whose apt-get is `apt_get`."""
    fake = tmp_path / "bin" / "apt-get"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{apt_get}\n")
    fake.chmod(0o755)
    script = apt.INSTALL.replace("/etc/postgresql-common/createcluster.conf", str(conf))
    script = script.replace("/usr/sbin/policy-rc.d", str(tmp_path / "policy-rc.d"))
    environment = os.environ | {"PATH": f"{fake.parent}:{os.environ['PATH']}", "SEEN": str(tmp_path / "seen")}
    return subprocess.run(
        ["sh", "-c", script, "mdd", *packages], env=environment, capture_output=True, text=True, check=False
    )


def test_no_cluster_is_made_and_no_service_started_meanwhile(tmp_path: Path, conf: Path) -> None:
    note = f'echo "$*" >>$SEEN; cat {conf} >>$SEEN; sh {tmp_path}/policy-rc.d || echo "policy $?" >>$SEEN'
    assert run_script(tmp_path, conf, note, "postgresql-17", "postgresql-17-postgis-3").returncode == 0
    first, _, second = (tmp_path / "seen").read_text().partition("policy 101\n")
    assert "postgresql-common" in first.splitlines()[0]
    assert "--no-install-recommends" in second.splitlines()[0]
    assert second.splitlines()[0].endswith("postgresql-17 postgresql-17-postgis-3")
    assert "create_main_cluster = false" in second
    assert "create_main_cluster = true" not in second
    assert second.endswith("policy 101\n")


@pytest.mark.parametrize("outcome", ["exit 0", "exit 100", "kill -TERM $PPID"])
def test_settings_are_put_back_whatever_happens(outcome: str, tmp_path: Path, conf: Path) -> None:
    run_script(tmp_path, conf, f"case $* in *common) exit 0;; *) {outcome};; esac", "postgresql-17")
    assert conf.read_text() == OWN
    assert not (tmp_path / "policy-rc.d").exists()


def test_policy_of_the_machine_is_left_alone(tmp_path: Path, conf: Path) -> None:
    (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    run_script(tmp_path, conf, "exit 0", "redis-tools")
    assert (tmp_path / "policy-rc.d").read_text() == "#!/bin/sh\nexit 0\n"


def test_failure_of_apt_get_is_passed_on(tmp_path: Path, conf: Path) -> None:
    assert run_script(tmp_path, conf, "exit 100", "redis-tools").returncode == 100


DOWNLOAD = r"""
[ "$1 $2" = "download -q" ] || exit 9
shift 2
for name in "$@"; do
  mkdir -p build/DEBIAN build/usr/share/$name
  printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: x\n' $name >build/DEBIAN/control
  dpkg-deb --build build $name.deb >/dev/null
  rm -r build
done
"""


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The apt-get that is found first; without it the machine's own is never reached."""
    fake = tmp_path / "bin" / "apt-get"
    fake.parent.mkdir()
    fake.touch(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "as_root", lambda: None)
    return fake


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="not of Debian's family")
def test_packages_are_unpacked_into_the_folder_and_installed_nowhere(apt_get: Path, tmp_path: Path) -> None:
    script(apt_get, DOWNLOAD)
    apt.unpack(["one", "two"], tmp_path / "home" / "things")
    assert sorted(path.name for path in (tmp_path / "home").rglob("*")) == ["one", "share", "things", "two", "usr"]


def test_packages_that_cannot_be_fetched_leave_no_folder_behind(apt_get: Path, tmp_path: Path) -> None:
    script(apt_get, "echo 'E: Unable to locate package one'; exit 100")
    with pytest.raises(apt.Failure, match=r"(?s)could not fetch one.*Unable to locate package one"):
        apt.unpack(["one"], tmp_path / "home" / "things")
    assert list((tmp_path / "home").iterdir()) == []


def test_package_lists_are_read_anew_where_we_may(
    apt_get: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = tmp_path / "lists"
    script(apt_get, f"[ $1 = update ] && exec touch {lists}; [ -e {lists} ] && exec touch x.deb; exit 100")
    script(apt_get.with_name("dpkg-deb"), 'touch "$3/unpacked"')
    monkeypatch.setattr(apt, "as_root", lambda: ())
    apt.unpack(["one"], tmp_path / "things")
    assert [path.name for path in (tmp_path / "things").iterdir()] == ["unpacked"]


@pytest.mark.parametrize(("at_least", "newest"), [(15, 17), (18, None)])
def test_newest_package_is_chosen_by_its_number(
    at_least: int, newest: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (
        "postgresql-9-postgis-3\npostgresql-15-postgis-3\npostgresql-17-postgis-3\npostgresql-17-postgis-3-scripts\n"
    )
    answer = subprocess.CompletedProcess([], 0, stdout=names)
    monkeypatch.setattr(apt, "_run", lambda _: answer)
    assert apt.newest("postgresql-N-postgis-3", at_least) == newest
