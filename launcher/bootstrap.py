"""The first stage of `./mdd`, on the standard library alone: makes the virtual environment and goes on inside it."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.machine import apt
from launcher.machine.processes import handling, interrupt_once
from launcher.places import PROJECT, default_home, digest, locked
from launcher.progress import Failure, say, step
from launcher.usage import COMMANDS, USAGE

LOCK = PROJECT / "requirements-dev.txt"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

NO_VENV = f"""\
Python {VERSION} is here without its venv module. Install it and try again:
  Debian, Ubuntu   sudo apt-get install python{VERSION}-venv
  macOS            brew install python
or install uv."""


def main(arguments: list[str]) -> int:
    """Runs `./mdd ARGUMENTS`, or says how to; does not return when it hands over."""
    if not arguments or arguments[0] in {"help", "-h", "--help"}:
        print(USAGE, end="")
        return 0
    if arguments[0] not in COMMANDS:
        say(f"mdd: no command {arguments[0]!r}\n\n{USAGE}", end="")
        return 2
    return hand_over(arguments)


def hand_over(arguments: list[str]) -> int:
    """Becomes the second stage; returns only when there can be none."""
    try:
        with handling(interrupt_once):
            python = ready(folder())
        os.execv(python, [str(python), "-m", "launcher", *arguments])  # noqa: S606
    except Failure as why:
        say(f"mdd: {why}")
        return 1
    except KeyboardInterrupt:
        return 130


def folder() -> Path:
    """Where the virtual environment belongs: shared by all instances of this copy of the project.

    One per version of Python, so that a container and its host can share the folder.
    """
    if chosen := os.environ.get("MDD_VENV"):
        return Path(chosen).expanduser().absolute()
    shared = PROJECT / ".mdd" / "venv" / VERSION
    if _current(shared) or os.access(_existing(shared), os.W_OK):
        return shared
    return default_home().path / "venv" / VERSION


def ready(venv: Path) -> Path:
    """Makes sure that `venv` holds what the lock file asks for; returns its Python."""
    if not _current(venv):
        with locked(venv.parent / f"{venv.name}.lock"):
            if not _current(venv):
                _make(venv)
    return venv / "bin" / "python"


def stamp(venv: Path) -> str:
    """What the environment is made from; scripts in it name its path, so a moved one is made anew."""
    return digest(LOCK.read_bytes(), VERSION, str(venv))


def _current(venv: Path) -> bool:
    try:
        return (venv / "bin" / "python").exists() and (venv / "stamp").read_text() == stamp(venv)
    except OSError:
        return False


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _make(venv: Path) -> None:
    if not _made_by_uv(venv):
        _make_with_pip(venv)
    (venv / "stamp").write_text(stamp(venv))


def _made_by_uv(venv: Path) -> bool:
    """False without uv, and where it cannot reach the packages although pip may: each has its own settings."""
    if shutil.which("uv") is None:
        return False
    with step("installing the Python packages with uv"):
        return _run("uv", "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv)) and _run(
            "uv",
            "pip",
            "sync",
            "--quiet",
            "--require-hashes",
            "--python",
            str(venv / "bin" / "python"),
            str(LOCK),
        )


def _make_with_pip(venv: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        _install_venv_module()
    with step("creating the virtual environment"):
        _must(sys.executable, "-m", "venv", "--clear", str(venv))
    with step("installing the Python packages with pip"):
        pip = (str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet")
        _must(*pip, "install", "--require-hashes", "--no-deps", "--requirement", str(LOCK))


def _install_venv_module() -> None:
    debians = Path(sys.executable).resolve().is_relative_to("/usr/bin")
    if not (debians and apt.available()):
        raise Failure(NO_VENV)
    apt.install([f"python{VERSION}-venv"])


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _must(*command: str) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        last = "\n".join(result.stdout.splitlines()[-15:])
        raise Failure(f"{' '.join(command[:4])} … failed:\n{last}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
