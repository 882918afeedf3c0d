"""The packages of package-lock.json are installed once, and what went wrong is told."""

from pathlib import Path

import pytest

from launcher.machine import javascript
from launcher.places import Home
from launcher.progress import Failure


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a lock and an npm that counts its runs and does as the file `npm` in it says."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setattr(javascript, "PROJECT", project)
    monkeypatch.setattr(javascript, "LOCK", project / "package-lock.json")
    monkeypatch.setattr(javascript, "PACKAGES", project / "node_modules")
    monkeypatch.setattr(javascript, "NODE", Path("/bin/sh"))
    monkeypatch.setattr(javascript, "NPM", project / "npm")
    (project / "package-lock.json").write_text("{}")
    (project / "npm").write_text('mkdir -p node_modules; echo "$1 $2 $npm_config_cache" >> asked')
    return project


def asked(project: Path) -> list[str]:
    return (project / "asked").read_text().splitlines()


def test_packages_are_installed_once_without_running_their_scripts(project: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    javascript.ready(home)
    javascript.ready(home)
    assert asked(project) == [f"ci --ignore-scripts {home.path / 'npm'}"]


def test_changed_lock_is_installed_anew(project: Path, tmp_path: Path) -> None:
    javascript.ready(Home(tmp_path))
    (project / "package-lock.json").write_text('{"changed": true}')
    javascript.ready(Home(tmp_path))
    assert len(asked(project)) == 2


def test_failed_install_tells_what_npm_said_and_is_tried_again(project: Path, tmp_path: Path) -> None:
    (project / "npm").write_text("echo no network; exit 1")
    for _ in range(2):
        with pytest.raises(Failure, match=r"(?s)package-lock.json asks for.*no network"):
            javascript.ready(Home(tmp_path))


def test_node_of_the_lock_is_there() -> None:
    assert javascript.NODE.exists()
    assert javascript.NPM.exists()
