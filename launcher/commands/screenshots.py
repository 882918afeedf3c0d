"""`./mdd screenshots`: the pictures of the console in docs/images, of a city like the demo's."""

import os
import subprocess
import sys
from dataclasses import replace

from launcher.commands.demo import forget_providers
from launcher.commands.up import start
from launcher.machine import finding, ports
from launcher.machine.processes import foreground
from launcher.places import PROJECT, Home, locked
from launcher.private.instance import ADMIN_PHONE, Instance

CITY = ["--people", "90", "--minutes", "4", "--seed", "7"]


def screenshots(instance: Instance) -> int:
    """Starts a city on an instance of its own, and takes its pictures while it lives."""
    chromium = finding.chromium()
    forget_providers()
    home = Home(instance.home.path / "screenshots").made()
    own = replace(instance, home=home, addresses={}, with_fcm=True, port=ports.free_port())
    with locked(own.lock):
        own.stop()
        try:
            start(own, anew=True)
            return _take(own, str(chromium))
        finally:
            own.stop()


def _take(own: Instance, chromium: str) -> int:
    variables = {"MDD_ADMIN_PHONE": ADMIN_PHONE, "MDD_ADMIN_PASSWORD": own.admin_password, "CHROMIUM": chromium}
    environment = own.environment() | variables
    city = [sys.executable, "-m", "simulator.demo", "--url", own.url, "--fcm", own.fcm_url, *CITY]
    with open(os.devnull, "w") as nowhere, subprocess.Popen(city, cwd=PROJECT, env=environment, stdout=nowhere) as life:
        try:
            folder = str(PROJECT / "docs" / "images")
            return foreground([sys.executable, "scripts/screenshots.py", own.console_link(), folder], environment)
        finally:
            life.terminate()
