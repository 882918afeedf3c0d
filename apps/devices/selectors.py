"""What is read about devices."""

from django.http import Http404

from apps.users.models import User

from .models import Device


def device_of(owner: User, device_uid: str) -> Device:
    """The owner's device. Another's does not exist for them: raises Http404 either way."""
    device = Device.objects.filter(owner=owner, device_uid=device_uid).first()
    if device is None:
        raise Http404
    return device
