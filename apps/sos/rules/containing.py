"""Contains an account that sends false signals, so that the helpers near it are there for others."""

from contextlib import suppress

from apps.users.models import User
from apps.users.rules import accounts

from ..kinds import Outcome
from ..models import SosEvent
from . import desk
from .closing import StepMakesNoSense


def contain(user: User, dispatcher: User) -> list[SosEvent]:
    """Closes the account's open events but the newest, and returns them. Its signals go to dispatchers first now.

    Each step is a transaction of its own: an event is never locked after its account, or a press at the same moment
    could deadlock with this. Doing it again does what is left. Raises AccountErased.
    """
    accounts.contain(user, dispatcher)
    emergencies = SosEvent.objects.open().filter(user=user, is_drill=False)
    closed = []
    for event in emergencies.order_by("-received_at", "-pk")[1:]:
        with suppress(StepMakesNoSense):  # somebody else has closed it this moment
            closed.append(desk.resolve(event, dispatcher, Outcome.FALSE_ALARM))
    return closed
