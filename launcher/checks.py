"""`./mdd check`: what must hold before a commit, apart from the tests."""

import subprocess
import sys
import time
from pathlib import Path

from launcher.instance import Instance
from launcher.places import PROJECT
from launcher.visit import visiting

CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    "layers": [str(Path(sys.prefix) / "bin" / "lint-imports")],
    "migrations": ["manage.py", "makemigrations", "--check", "--dry-run"],
}


def check(instance: Instance) -> int:
    """Runs every check, even when one fails; returns 1 if any did. PostgreSQL is asked which migrations it has."""
    with visiting(instance):
        environment = instance.environment()
        results = [_passes(name, command, environment) for name, command in CHECKS.items()]
    return 0 if all(results) else 1


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, *command], cwd=PROJECT, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    passed = result.returncode == 0
    print(f"{'ok' if passed else 'FAILED':<8}{name:<14}{time.monotonic() - started:5.1f} s", flush=True)
    if not passed:
        print(result.stdout, flush=True)
    return passed
