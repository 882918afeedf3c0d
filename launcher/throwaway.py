"""`./mdd test`: pytest on a PostgreSQL and a Redis that live as long as it does."""

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from launcher import finding, javascript, processes
from launcher.instance import Instance
from launcher.places import Home, locked, locked_if_free
from launcher.processes import foreground
from launcher.progress import Failure, say


def test(instance: Instance, arguments: list[str]) -> int:
    """Runs pytest with `arguments`; returns its exit status. A running `up` and other tests go on undisturbed."""
    nginx = finding.nginx(instance.home.path / "nginx")
    javascript.ready(instance.home)
    homes = instance.home.path / "test"
    own = replace(instance, home=Home(homes / str(os.getpid())), durable=False)
    with contextlib.ExitStack() as held:
        with locked(homes / "lock"):
            _remove_abandoned(instance, homes)
            own.home.made()
            held.enter_context(locked(own.lock))
        held.callback(_discard, own)
        own.start_services()
        pytest = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadscope", *arguments]
        marks = {processes.TEST_RUN: str(own.home.path), "NGINX": str(nginx), "CHROMIUM": _chromium()}
        return foreground(pytest, own.environment() | marks)


def _chromium() -> str:
    """Nothing where there is none: only the tests that need a browser fail then, and say how to get one."""
    try:
        return str(finding.chromium())
    except Failure as why:
        say(f"mdd: {why}")
        return ""


def _remove_abandoned(instance: Instance, homes: Path) -> None:
    """What a test run that was killed has left: nobody holds its lock any more."""
    for path in homes.iterdir():
        if path.is_dir():
            with locked_if_free(path / "lock") as abandoned:
                if abandoned:
                    _discard(replace(instance, home=Home(path)))


def _discard(instance: Instance) -> None:
    """Ends what the tests left too: interrupted, they may not have ended the instances they started."""
    processes.end(lambda: processes.of_test_run(instance.home))
    instance.stop()
    instance.remove()
