"""Ways to reach a person: one small class per provider, which knows no model and no database."""

from django.conf import settings

from .base import Message, Transport, TransportError
from .console import Console
from .eskiz import Eskiz
from .fcm import Fcm

__all__ = ["Message", "Transport", "TransportError", "transport_for"]

# A gateway for text messages is a class here, named in SMS_TRANSPORT.
_GATEWAYS: dict[str, type[Transport]] = {"console": Console, "eskiz": Eskiz}


def transport_for(channel: str) -> Transport:
    """A transport made from the present settings. Raises TransportError when it is not configured."""
    return _gateway() if channel == "SMS" else Fcm()


def _gateway() -> Transport:
    if settings.SMS_TRANSPORT not in _GATEWAYS:
        raise TransportError("no SMS transport is configured", permanent=True)
    return _GATEWAYS[settings.SMS_TRANSPORT]()
