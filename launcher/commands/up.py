"""`./mdd up`: starts an instance, and shows its log until it is told to end."""

import time
from collections.abc import Callable

from launcher.commands.follow import follow
from launcher.machine import ports
from launcher.places import locked, locked_if_free
from launcher.private import supervision
from launcher.private.instance import ADMIN_PHONE, PROCESSES, Instance
from launcher.progress import say

POLL_S = 0.2


def up(instance: Instance, *, detach: bool) -> int:
    """Starts everything. In the foreground it returns when it was interrupted, and all has been stopped."""
    show = follow(instance.home.logs, (*PROCESSES, "fcm"))
    if not started(instance):
        print(f"already up: http://{ports.LOOPBACK}:{instance.home.recall('web_port')}")
        return 0
    if detach:
        return 0
    try:
        _watch(instance, show)
    except (KeyboardInterrupt, OSError):  # OSError: the terminal has gone
        say("stopping")
        instance.stop()
        return 0
    with locked(instance.lock):  # `down` ended it; somebody may have started it anew by now
        if not instance.is_up():
            instance.stop()
    return 0


def started(instance: Instance) -> bool:
    """Starts everything and prints the address; False when it was up already. Stops what it started if that fails."""
    with locked_if_free(instance.lock) as free:
        if not free:
            say("waiting for another ./mdd that uses this instance")
    with locked(instance.lock):
        if instance.is_up():
            return False
        instance.stop()
        ports.demand(instance.port, "up")
        try:
            start(instance)
        except BaseException:
            instance.stop()
            raise
    return True


def start(instance: Instance, *, anew: bool = False) -> None:
    """Starts everything, prints the address, and the first ADMIN if there was none. `anew`: on an empty database."""
    instance.start_services(anew=anew)
    instance.prepare()
    created = instance.create_admin()
    instance.start_app()
    print(f"MDD is up: {instance.url}", flush=True)
    print(f"the dispatcher's console: {instance.url}/console/", flush=True)
    if created:
        credentials = f"phone {ADMIN_PHONE}, password {instance.admin_password}"
        print(f"the first ADMIN: {credentials} (kept in {instance.home.admin_file})", flush=True)
        print(f"or signed in by this link, once and within an hour: {instance.console_link()}", flush=True)


def _watch(instance: Instance, show: Callable[[], None]) -> None:
    supervisor = supervision.pid(instance.home)
    while supervisor and supervision.pid(instance.home) == supervisor:
        show()
        time.sleep(POLL_S)
    show()
