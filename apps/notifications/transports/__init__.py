"""Ways to reach a person: one small class per provider, which knows no model and no database."""

from django.conf import settings
from django.utils.module_loading import import_string

from mdd_backend.gateways import GATEWAYS

from .base import Message, Reports, Transport, TransportError
from .fcm import Fcm

__all__ = ["Message", "Reports", "Transport", "TransportError", "reports_of", "transport_for"]


def transport_for(channel: str) -> Transport:
    """A transport made from the present settings. Raises TransportError when it is not configured."""
    return _gateway() if channel == "SMS" else Fcm()


def reports_of(gateway: str) -> Reports | None:
    """How a gateway says later what became of a message; None: it does not, or there is no such gateway."""
    return getattr(_class_of(gateway), "reports", None) if gateway in GATEWAYS else None


def _gateway() -> Transport:
    if settings.SMS_TRANSPORT not in GATEWAYS:
        raise TransportError("no SMS transport is configured", permanent=True)
    return _class_of(settings.SMS_TRANSPORT)()


def _class_of(gateway: str) -> type[Transport]:
    transport_class: type[Transport] = import_string(GATEWAYS[gateway])
    return transport_class
