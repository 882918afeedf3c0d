"""The second stage of `./mdd`: what each command does."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import environ

from launcher.checks.run import check, fix
from launcher.commands.backups import backup, restore
from launcher.commands.demo import demo, demo_of
from launcher.commands.screenshots import screenshots
from launcher.commands.throwaway import bench, test
from launcher.commands.up import up
from launcher.machine import ports, processes
from launcher.places import PROJECT, default_home
from launcher.private.instance import Instance
from launcher.private.services import without_password
from launcher.private.visit import visiting
from launcher.progress import Failure, say
from launcher.usage import USAGE

OPTIONS: dict[str, set[str]] = {
    "up": {"--detach", "--with-fcm"},
    "down": set(),
    "status": {"--json"},
    "check": set(),
    "fix": set(),
    "screenshots": set(),
}
REPLACEABLE = ("DATABASE_URL", "REDIS_URL")


def main(arguments: list[str]) -> int:
    """Runs one command; returns its exit status."""
    command, *rest = arguments
    if unknown := set(rest) - OPTIONS.get(command, set(rest)):
        say(f"mdd {command}: no option {' '.join(sorted(unknown))}\n\n{USAGE}", end="")
        return 2
    read_dotenv()
    try:
        with processes.handling(processes.interrupt_once):
            return COMMANDS[command](rest)
    except Failure as why:
        say(f"mdd: {why}")
    except PermissionError as why:
        say(f"mdd: {why}: does {default_home().path} belong to another user? MDD_HOME chooses another folder.")
    except KeyboardInterrupt:
        return 130
    return 1


def read_dotenv() -> None:
    """Adds `.env` to the environment, which wins; by the same reader as Django's settings."""
    dotenv = PROJECT / ".env"
    if dotenv.is_file():
        environ.Env.read_env(dotenv)


def here(*, with_fcm: bool = False) -> Instance:
    """The instance that the environment names."""
    home = default_home().made()
    addresses = {name: os.environ[name] for name in REPLACEABLE if os.environ.get(name)}
    return Instance(home, ports.web_port(), addresses, with_fcm=with_fcm)


def _up(arguments: list[str]) -> int:
    """`--with-fcm`, for tests of the whole: the stand-in for Firebase runs too, and is used."""
    return up(here(with_fcm="--with-fcm" in arguments), detach="--detach" in arguments)


def _down(_: list[str]) -> int:
    print("stopped" if here().stop() else "nothing is running")
    return 0


def _status(arguments: list[str]) -> int:
    instance = here()
    facts, demo = status(instance), status(demo_of(instance))
    if "--json" in arguments:
        print(json.dumps(facts | {"demo": demo if demo["up"] else None}, indent=2))
        return 0
    _show(facts)
    if demo["up"]:
        print("\na demo is running:")
        _show(demo)
    return 0


def _show(facts: dict[str, Any]) -> None:
    for name in ("url", "database_url", "redis_url", "fcm_url"):
        if facts[name]:
            print(f"{name.removesuffix('_url'):<10}{without_password(facts[name])}")
    for name, pid in facts["pids"].items():
        print(f"{name:<10}{f'pid {pid}' if pid else '-'}")


def status(instance: Instance) -> dict[str, Any]:
    """The addresses, null where nothing answers to them, and the pid of each process, null where none is ours."""
    up, pids = instance.is_up(), instance.pids()
    return {
        "up": up,
        "home": str(instance.home.path),
        "url": f"http://{ports.LOOPBACK}:{instance.home.recall('web_port')}" if up else None,
        "database_url": instance.database_url if pids["postgres"] or "postgres" not in instance.private else None,
        "redis_url": instance.redis_url if pids["redis"] or "redis" not in instance.private else None,
        "fcm_url": instance.fcm_url if pids["fcm"] else None,
        "pids": pids,
    }


def _manage(arguments: list[str]) -> int:
    instance = here()
    with visiting(instance):
        return processes.foreground([sys.executable, "manage.py", *arguments], instance.environment())


def _check(_: list[str]) -> int:
    return check(here())


def _fix(_: list[str]) -> int:
    return fix()


def _backup(arguments: list[str]) -> int:
    return backup(here(), arguments)


def _restore(arguments: list[str]) -> int:
    return restore(here(), arguments)


def _test(arguments: list[str]) -> int:
    return test(here(), arguments)


def _bench(arguments: list[str]) -> int:
    return bench(here(), arguments)


def _screenshots(_: list[str]) -> int:
    return screenshots(here())


def _demo(arguments: list[str]) -> int:
    return demo(here(), arguments)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "demo": _demo,
    "test": _test,
    "bench": _bench,
    "check": _check,
    "fix": _fix,
    "manage": _manage,
    "backup": _backup,
    "restore": _restore,
    "screenshots": _screenshots,
}
