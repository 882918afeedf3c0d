"""Using an instance's services for the duration of one command, whether or not the instance is up."""

import contextlib
from collections.abc import Iterator

from launcher.places import locked, locked_if_free
from launcher.private import supervision
from launcher.private.instance import Instance


@contextlib.contextmanager
def visiting(instance: Instance) -> Iterator[None]:
    """The services run during the block; the last visitor of an instance that is not up stops them."""
    try:
        with contextlib.ExitStack() as stack:
            while not stack.enter_context(_shared(instance)):
                stack.close()
            yield
    finally:
        with locked_if_free(instance.lock) as alone:
            if alone and not instance.is_up():
                instance.stop()


@contextlib.contextmanager
def _shared(instance: Instance) -> Iterator[bool]:
    """Starts the services if need be, then shares the lock; yields whether they still run by then."""
    if not supervision.running(instance.home):
        with locked(instance.lock):
            instance.start_services()
    with locked(instance.lock, shared=True):
        yield supervision.running(instance.home)
