"""A backup for a recipient is read by nobody else, and comes back like any other."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.backups.conftest import AGE, Site

pytestmark = pytest.mark.skipif(not AGE, reason="age is not installed here, and Debian's package cannot be fetched")


@dataclass(frozen=True)
class Key:
    identity: Path

    @property
    def recipient(self) -> str:
        return next(line.split()[-1] for line in self.identity.read_text().splitlines() if "public key" in line)


def new_key(file: Path) -> Key:
    subprocess.run([f"{AGE}-keygen", "-o", file], check=True, capture_output=True)
    return Key(file)


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "key.txt")


def backed_up(site: Site, recipients: str) -> Path:
    done = site.backup(BACKUP_AGE_RECIPIENT=recipients)
    assert (done.returncode, done.stderr) == (0, "")
    return site.folder / done.stdout.strip()


def test_nothing_readable_stays_in_the_folder(first: Site, key: Key) -> None:
    file = backed_up(first, key.recipient)
    assert first.files() == [file.name, f"{file.name}.sha256"]
    assert file.name.endswith(".sql.gz.age")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(b"age-encryption.org/v1")
    assert subprocess.run(["sha256sum", "-c", f"{file.name}.sha256"], cwd=first.folder, check=False).returncode == 0


def test_everything_comes_back_and_an_sos_works_at_once(site: Site, key: Key) -> None:
    before = site.content()
    file = backed_up(site, key.recipient)
    site.server.drop(site.name)
    done = site.restore(file.name, "--yes", BACKUP_AGE_IDENTITY=str(key.identity))
    assert (done.returncode, done.stderr) == (0, "")
    assert site.content() == before
    assert site.live("press") == "201"


def test_opened_elsewhere_it_is_a_plain_one(first: Site, key: Key) -> None:
    file = backed_up(first, key.recipient)
    plain = file.with_suffix("")
    subprocess.run([AGE, "-d", "-i", key.identity, "-o", plain, file], check=True)
    done = first.restore(plain, "--no-checksum")
    assert (done.returncode, "add --yes" in done.stderr) == (2, True)


def test_each_of_several_recipients_opens_it(first: Site, key: Key, tmp_path: Path) -> None:
    other = new_key(tmp_path / "other.txt")
    file = backed_up(first, f"{key.recipient} {other.recipient}")
    for each in (key, other):
        done = first.restore(file, BACKUP_AGE_IDENTITY=str(each.identity))
        assert "add --yes" in done.stderr


def test_without_the_right_key_nothing_is_done(first: Site, key: Key, tmp_path: Path) -> None:
    file, before = backed_up(first, key.recipient), first.content()
    none = first.restore(file, "--yes", BACKUP_AGE_IDENTITY="")
    wrong = first.restore(file, "--yes", BACKUP_AGE_IDENTITY=str(new_key(tmp_path / "other.txt").identity))
    assert (none.returncode, wrong.returncode) == (1, 1)
    assert "is encrypted: BACKUP_AGE_IDENTITY must name" in none.stderr
    assert "is cut off, or not for the key in" in wrong.stderr
    assert first.server.names(first.name) == [first.name]
    assert first.content() == before


def test_a_changed_file_is_refused_even_without_its_checksum(first: Site, key: Key) -> None:
    file = backed_up(first, key.recipient)
    file.write_bytes(file.read_bytes()[:-2000])
    done = first.restore(file, "--yes", "--no-checksum", BACKUP_AGE_IDENTITY=str(key.identity))
    assert done.returncode == 1
    assert "is cut off" in done.stderr


def test_wrong_recipient_is_told_and_leaves_nothing(first: Site) -> None:
    done = first.backup(BACKUP_AGE_RECIPIENT="age1nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "age1nobody" in done.stderr
    assert first.files() == []


def test_plain_and_encrypted_ones_are_counted_together(first: Site, key: Key) -> None:
    old = [f"mdd_2026010{n}T000000Z.sql.gz" for n in (1, 2)]
    for name in (old[0], f"{old[1]}.age"):
        for kept in (name, f"{name}.sha256"):
            (first.folder / kept).touch()
    file = (
        first.folder
        / first.backup(BACKUP_KEEP="2", BACKUP_DAYS="99999", BACKUP_AGE_RECIPIENT=key.recipient).stdout.strip()
    )
    assert first.files() == sorted([f"{old[1]}.age", f"{old[1]}.age.sha256", file.name, f"{file.name}.sha256"])
