"""The services of a run of tests: started by the first test that needs a database, not before."""

import os
from pathlib import Path

from launcher.machine.ports import kept_port
from launcher.places import Home, locked
from launcher.private import services, supervision, template
from launcher.private.instance import Instance

VARIABLE = "MDD_TEST_SERVICES"
"""In the environment of the tests: the home of the services that may be started."""


def promise(instance: Instance, own: Instance) -> dict[str, str]:
    """What the tests must know to start the services of `own`, all private, with a copy of the migrated database.

    Their addresses are chosen and the copy is made now.
    """
    template.copy_to(instance, own.home)
    for service in own.private:
        kept_port(own.home, service)
    return {VARIABLE: str(own.home.path), "TEST_TEMPLATE": services.DATABASE}


def keep_promise() -> None:
    """Starts the services, unless another process of this run has."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    own = Instance(Home(Path(path)), durable=False)
    with locked(own.home.path / "starting"):
        if not supervision.running(own.home):
            own.start_services()
