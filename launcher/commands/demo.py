"""`./mdd demo`: a city of watches and helpers on an instance of its own, new at every start."""

import os
import sys
from dataclasses import replace

from launcher.commands.up import start
from launcher.machine import ports
from launcher.machine.processes import foreground
from launcher.places import Home, locked_if_free
from launcher.private.instance import ADMIN_PHONE, Instance
from launcher.progress import Failure, say
from mdd_backend.gateways import GATEWAYS
from simulator import options

# Whoever runs a demo where real providers are configured must not call real people.
PROVIDERS = ("FCM_", "SMS_", "SENTRY_", *(f"{name.upper()}_" for name in GATEWAYS))
REGISTRATIONS = "100000"  # an hour from one address: the whole city registers from this machine
UNSET = ("DATABASE_URL", "REDIS_URL", "HELPERS_AUTO_APPROVE", "PUBLIC_URL")


def demo(instance: Instance, arguments: list[str]) -> int:
    """Runs simulator.demo with `arguments` against a fresh instance; returns its exit status.

    Raises SystemExit, before anything is started, when they are wrong or ask for help.
    """
    options.parser("./mdd demo").parse_args(arguments)
    forget_providers()
    os.environ["REGISTRATIONS_PER_ADDRESS"] = REGISTRATIONS
    own = demo_of(instance)
    own.home.made()
    with locked_if_free(own.lock) as free:
        if not free:
            raise Failure(f"another demo is running in {own.home.path}; MDD_HOME chooses another folder")
        own.stop()
        return _run(replace(own, port=_port(own.port)), arguments)


def demo_of(instance: Instance) -> Instance:
    """The demo's instance beside `instance`, running or not."""
    return replace(instance, home=Home(instance.home.path / "demo"), addresses={}, with_fcm=True)


def forget_providers() -> None:
    """Empties the settings of real providers: removed, they would come back from `.env`."""
    for name in os.environ:
        if name in UNSET or name.startswith(PROVIDERS):
            os.environ[name] = ""


def _run(own: Instance, arguments: list[str]) -> int:
    try:
        start(own, anew=True)
        admin_variables = {"MDD_ADMIN_PHONE": ADMIN_PHONE, "MDD_ADMIN_PASSWORD": own.admin_password}
        command = [sys.executable, "-m", "simulator.demo", "--url", own.url, "--fcm", own.fcm_url, *arguments]
        return foreground(command, own.environment() | admin_variables)
    finally:
        own.stop()


def _port(wanted: int) -> int:
    """`wanted`; another when it is taken and was nobody's explicit choice."""
    if os.environ.get("MDD_PORT"):
        ports.demand(wanted, "demo")
    elif not ports.is_free(wanted):
        chosen = ports.free_port()
        say(f"port {wanted} is taken by {ports.holder(wanted)}: the demo uses {chosen}")
        return chosen
    return wanted
