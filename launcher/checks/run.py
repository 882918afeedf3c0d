"""`./mdd check` and `./mdd fix`."""

import subprocess
import sys
import time
from pathlib import Path

from launcher.machine import javascript
from launcher.places import PROJECT
from launcher.private.instance import Instance
from launcher.private.visit import visiting
from launcher.progress import Failure

CHECKS = {
    "ruff check": [sys.executable, "-m", "ruff", "check", "."],
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "mypy": [sys.executable, "-m", "mypy"],
    "layers": [sys.executable, str(Path(sys.prefix) / "bin" / "lint-imports")],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
    "columns": [sys.executable, "-m", "launcher.checks.columns"],
    "catalogues": [sys.executable, "-m", "launcher.checks.catalogues"],
    "tsc": [str(javascript.NODE), str(javascript.TSC), "--pretty", "false"],
}


MENDS = [
    [sys.executable, "-m", "ruff", "check", "--fix-only", "--quiet", "."],
    [sys.executable, "-m", "ruff", "format", "."],
    [sys.executable, "-m", "launcher.checks.catalogues", "--fix"],
]


def fix() -> int:
    """Mends and formats the code, and compiles the translations."""
    return max(subprocess.run(command, cwd=PROJECT, check=False).returncode for command in MENDS)


def check(instance: Instance) -> int:
    """Runs every check, even when one fails; returns 1 if any did. PostgreSQL is asked which migrations it has."""
    with visiting(instance):
        environment = instance.environment()
        has_packages = _has_packages(instance)
        results = [_passes(name, command, environment) for name, command in CHECKS.items()]
    return 0 if has_packages and all(results) else 1


def _has_packages(instance: Instance) -> bool:
    """The other checks need none of JavaScript's packages: they go on."""
    try:
        javascript.ready(instance.home)
    except Failure as why:
        print(f"FAILED  {why}", flush=True)
        return False
    return True


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    started = time.monotonic()
    result = subprocess.run(
        command, cwd=PROJECT, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    passed = result.returncode == 0
    print(f"{'ok' if passed else 'FAILED':<8}{name:<14}{time.monotonic() - started:5.1f} s", flush=True)
    if not passed:
        print(result.stdout, flush=True)
    return passed
