"""Ways to reach a person: one small class per provider, which knows no model and no database."""

from .base import Message, Transport, TransportError
from .fcm import Fcm

__all__ = ["Message", "Transport", "TransportError", "transport_for"]

_TRANSPORTS: dict[str, type[Transport]] = {"FCM": Fcm}


def transport_for(channel: str) -> Transport:
    """A transport made from the present settings. Raises TransportError when it is not configured."""
    return _TRANSPORTS[channel]()
