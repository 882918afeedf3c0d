"""The one thing that notifications ask of those who call for them."""

from collections.abc import Sequence
from typing import Protocol

from ..models import Notification


class Audience(Protocol):
    """Knows what messages are about. `apps/sos/rules/messages.py` has the one that is registered at start."""

    def still_needed(self, notifications: Sequence[Notification]) -> set[int]:
        """Given notifications that are about to be sent, the ids of those still needed."""

    def wearers(self, notifications: Sequence[Notification]) -> dict[int, int]:
        """By the id of each that is about an event, the account that it calls help for."""

    def settled(self, notifications: Sequence[Notification]) -> None:
        """Is told, as the last step of the transaction, which notifications changed state."""


class _Nobody:
    def still_needed(self, notifications: Sequence[Notification]) -> set[int]:
        return {n.pk for n in notifications}

    def wearers(self, notifications: Sequence[Notification]) -> dict[int, int]:
        return {}

    def settled(self, notifications: Sequence[Notification]) -> None:
        pass


_registered: Audience = _Nobody()


def audience() -> Audience:
    """The one that is registered."""
    return _registered


def register(new_audience: Audience) -> None:
    """Makes it the one that is asked from now on."""
    global _registered  # noqa: PLW0603 - once, when the apps are ready
    _registered = new_audience
