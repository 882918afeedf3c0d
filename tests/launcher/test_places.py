"""Homes keep small facts and secrets, and locks keep two commands apart."""

import stat
from pathlib import Path

import pytest

from launcher.places import Home, default_home, digest, locked, locked_if_free, write_private


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").made()


def test_secret_is_made_once_and_is_nobody_elses_to_read(home: Home) -> None:
    first = home.secret("django")
    assert len(first) >= 50
    assert Home(home.path).secret("django") == first
    assert home.secret("jwt") != first
    assert stat.S_IMODE((home.path / "state.json").stat().st_mode) == 0o600


def test_remembering_keeps_what_was_there(home: Home) -> None:
    home.remember(web_port=1)
    home.remember(redis_port=2)
    assert (home.recall("web_port"), home.recall("redis_port"), home.recall("nothing")) == (1, 2, None)


def test_unreadable_state_is_taken_for_none(home: Home) -> None:
    (home.path / "state.json").write_text("{half")
    assert home.recall("web_port") is None


def test_private_file_is_private_even_where_a_public_one_was(tmp_path: Path) -> None:
    path = tmp_path / "admin.txt"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_home_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MDD_HOME", str(tmp_path / "elsewhere"))
    assert default_home().path == tmp_path / "elsewhere"


def test_lock_keeps_others_out_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path), locked_if_free(path) as free:
        assert not free
    with locked_if_free(path) as free:
        assert free


def test_shared_lock_admits_sharers_only(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, shared=True), locked(path, shared=True), locked_if_free(path) as free:
        assert not free


def test_digest_tells_its_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("ab", b"c") == digest("ab", "c")
