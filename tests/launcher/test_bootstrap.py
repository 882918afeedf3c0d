"""The virtual environment is made once for a lock file, and a bad command is told from a good one before that."""

from pathlib import Path

import pytest

from launcher import bootstrap


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lock = tmp_path / "requirements-dev.txt"
    lock.write_text("rich==15.0.0\n")
    monkeypatch.setattr(bootstrap, "LOCK", lock)
    return lock


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where environments were made; made in no time, and empty."""
    made: list[Path] = []

    def make(venv: Path) -> bool:
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "python").touch()
        made.append(venv)
        return True

    monkeypatch.setattr(bootstrap, "_made_by_uv", make)
    return made


def test_environment_is_made_once(tmp_path: Path, lock: Path, made: list[Path]) -> None:
    venv = tmp_path / "venv"
    assert bootstrap.ready(venv) == bootstrap.ready(venv) == venv / "bin" / "python"
    assert made == [venv]


def test_changed_lock_file_is_installed(tmp_path: Path, lock: Path, made: list[Path]) -> None:
    bootstrap.ready(tmp_path / "venv")
    lock.write_text("rich==15.0.1\n")
    bootstrap.ready(tmp_path / "venv")
    assert len(made) == 2


def test_moved_environment_is_made_anew(tmp_path: Path, lock: Path, made: list[Path]) -> None:
    bootstrap.ready(tmp_path / "venv")
    (tmp_path / "venv").rename(tmp_path / "moved")
    bootstrap.ready(tmp_path / "moved")
    assert made == [tmp_path / "venv", tmp_path / "moved"]


def test_environment_without_python_is_made_anew(tmp_path: Path, lock: Path, made: list[Path]) -> None:
    (bootstrap.ready(tmp_path / "venv")).unlink()
    bootstrap.ready(tmp_path / "venv")
    assert len(made) == 2


def test_environment_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MDD_VENV", str(tmp_path))
    assert bootstrap.folder() == tmp_path


def test_instances_share_the_projects_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MDD_VENV", raising=False)
    monkeypatch.setattr(bootstrap, "PROJECT", tmp_path)
    monkeypatch.setenv("MDD_HOME", str(tmp_path / "other"))
    assert bootstrap.folder() == tmp_path / ".mdd" / "venv" / bootstrap.VERSION


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_is_printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(arguments) == 0
    assert "./mdd COMMAND" in capsys.readouterr().out


def test_unknown_command_is_refused_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["dance"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "'dance'" in err
    assert "./mdd COMMAND" in err
