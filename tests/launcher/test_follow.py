"""The log shows each line once, whatever happens to the file."""

from pathlib import Path

import pytest

from launcher.commands.follow import Tail, follow


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "web.log"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_what_is_new_is_shown(log: Path) -> None:
    append(log, "yesterday\n")
    tail = Tail(log)
    append(log, "today\n")
    assert tail.lines() == ["today"]
    assert tail.lines() == []


def test_file_that_is_not_there_yet(log: Path) -> None:
    tail = Tail(log)
    assert tail.lines() == []
    append(log, "first\n")
    assert tail.lines() == ["first"]


def test_half_a_line_waits_for_its_other_half(log: Path) -> None:
    tail = Tail(log)
    append(log, "half")
    assert tail.lines() == []
    append(log, " whole\n")
    assert tail.lines() == ["half whole"]


def test_rotation_loses_nothing(log: Path) -> None:
    append(log, "old\n")
    tail = Tail(log)
    append(log, "last of the old\n")
    log.rename(log.with_suffix(".log.1"))
    append(log, "first of the new\n")
    assert tail.lines() == ["last of the old", "first of the new"]


def test_lines_are_labelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show = follow(tmp_path, ["web", "postgres"])
    append(tmp_path / "web.log", "hello\n")
    append(tmp_path / "postgres.log", "ready\n")
    show()
    assert capsys.readouterr().out == "web     | hello\npostgres| ready\n"
