"""`./mdd test` and `./mdd bench`: on a PostgreSQL and a Redis that live as long as they do."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from launcher.commands.demo import forget_providers
from launcher.machine import finding, javascript, processes
from launcher.machine.processes import foreground
from launcher.places import PROJECT, Home, locked, locked_if_free
from launcher.private import on_demand
from launcher.private.instance import Instance
from launcher.progress import Failure, say

# As in production, whatever `.env` says; each benchmark adds what it needs.
MEASURED = {"DEBUG": "false", "DJANGO_ALLOWED_HOSTS": "localhost,127.0.0.1", "SMS_TRANSPORT": "", "HEARTBEAT_URL": ""}


def test(instance: Instance, arguments: list[str]) -> int:
    """Runs pytest with `arguments`; returns its exit status. A running `up` and other tests go on undisturbed.

    Private services are started by the first test that needs them.
    """
    nginx = finding.nginx(instance.home.path / "nginx")
    age = finding.age(instance.home.path / "age")
    javascript.ready(instance.home)
    variables = {"NGINX": str(nginx), "CHROMIUM": _chromium(), "AGE": str(age or "")}
    with _home(replace(instance, durable=False), "test") as own:
        if own.addresses:
            own.start_services()
        else:
            variables |= on_demand.promise(instance, own)
        pytest = [sys.executable, "-m", "pytest", *workers(arguments), *arguments]
        return foreground(pytest, _environment(own) | variables)


def workers(arguments: list[str]) -> list[str]:
    """A worker for each core and two more, since many tests wait; each takes whole files. None for a single file.

    `arguments`, which come after it, may say otherwise.
    """
    named = [argument for argument in arguments if (PROJECT / argument.partition("::")[0]).exists()]
    files = [argument for argument in named if argument.partition("::")[0].endswith(".py")]
    if len(named) == len(files) == 1:
        return ["-n0"]
    return ["-n", str((os.cpu_count() or 1) + 2), "--dist", "loadscope", "--no-loadscope-reorder"]


def bench(instance: Instance, arguments: list[str]) -> int:
    """Runs the benchmarks that `arguments` ask for, with fsync; returns their exit status.

    When they are wrong or ask for help, that is told before anything is started.
    """
    options_check = subprocess.run([sys.executable, "-m", "benchmarks.options", *arguments], cwd=PROJECT, check=False)
    if options_check.returncode or {"-h", "--help"} & {*arguments}:
        return options_check.returncode
    forget_providers()
    with _home(instance, "bench") as own:
        own.start_services()
        return foreground([sys.executable, "-m", "benchmarks", *arguments], _environment(own) | MEASURED)


@contextlib.contextmanager
def _home(instance: Instance, name: str) -> Iterator[Instance]:
    """An instance beside `instance` in a folder of this process; what was started there is ended."""
    homes = instance.home.path / name
    own = replace(instance, home=Home(homes / str(os.getpid())))
    with contextlib.ExitStack() as held:
        with locked(homes / "lock"):
            _remove_abandoned(instance, homes)
            own.home.made()
            held.enter_context(locked(own.lock))
        held.callback(_discard, own)
        yield own


def _environment(own: Instance) -> dict[str, str]:
    return own.environment() | {processes.TEST_RUN: str(own.home.path)}


def _chromium() -> str:
    """Nothing where there is none: only the tests that need a browser fail then, and say how to get one."""
    try:
        return str(finding.chromium())
    except Failure as why:
        say(f"mdd: {why}")
        return ""


def _remove_abandoned(instance: Instance, homes: Path) -> None:
    """What a run that was killed has left: nobody holds its lock any more."""
    for path in homes.iterdir():
        if path.is_dir():
            with locked_if_free(path / "lock") as abandoned:
                if abandoned:
                    _discard(replace(instance, home=Home(path)))


def _discard(instance: Instance) -> None:
    """Ends what they left too: interrupted, they may not have ended what they started."""
    processes.end(lambda: processes.of_test_run(instance.home))
    instance.stop()
    instance.remove()
