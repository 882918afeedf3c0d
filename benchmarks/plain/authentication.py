"""Who calls: a device by its token, found by the ORM."""

import hashlib

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.devices.models import DeviceToken
from apps.users.models import User

PREFIX = "mdd_device_"


class DeviceTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer mdd_device_…`: the caller is the device's owner."""

    def authenticate(self, request: Request) -> tuple[User, DeviceToken] | None:
        token = get_authorization_header(request).decode().removeprefix("Bearer ")
        if not token.startswith(PREFIX):
            return None
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = DeviceToken.objects.select_related("device__owner").filter(digest=digest).first()
        if found is None or not found.device.owner.is_active:
            raise AuthenticationFailed
        return found.device.owner, found
