"""Who is calling: a watch by its own token, good for its status, its location and its SOS."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied
from rest_framework.request import Request

from apps.users.api.authentication import OnceValid
from apps.users.models import User
from apps.users.rules.tokens import bearer_of

from ..models import Device, DeviceToken, RevokedToken
from ..rules.tokens import PREFIX, find_revoked, find_token, keep_use


class DeviceTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer mdd_device_…`, only into views that say `device_may_enter`; other bearers are left alone.

    The caller is the device's owner, `request.auth` the DeviceToken. A revoked token, a RevokedToken then, only into
    views that say `once_valid_may_enter`: an SOS is never refused.
    """

    def authenticate(self, request: Request) -> tuple[User, DeviceToken | RevokedToken] | None:
        raw = bearer_of(get_authorization_header(request))
        if not raw.startswith(PREFIX):
            return None
        token = find_token(raw)
        context = request.parser_context or {}
        if token is None or not token.device.owner.is_active:
            revoked = find_revoked(raw) if getattr(context.get("view"), "once_valid_may_enter", False) else None
            if revoked and revoked.owner.is_active:
                return revoked.owner, revoked
            raise AuthenticationFailed("This device token is not, or no longer, valid.", code="token_not_valid")
        _let_in(token.device, context.get("view"), context.get("kwargs") or {})
        keep_use(token)
        return token.device.owner, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def device_of_token(request: Request) -> Device | None:
    """The device that calls with its own token; None when a person calls."""
    return request.auth.device if isinstance(request.auth, DeviceToken | RevokedToken) else None


def is_stale(request: Request) -> bool:
    """The caller's credential was good once, and is no longer."""
    return isinstance(request.auth, OnceValid | RevokedToken)


def _let_in(device: Device, view: Any, kwargs: dict[str, Any]) -> None:
    """A banned account is let in only by views that say `banned_may_enter`: an SOS is never refused."""
    if device.owner.is_banned and not getattr(view, "banned_may_enter", False):
        raise AuthenticationFailed("This account is banned.", code="banned")
    if not getattr(view, "device_may_enter", False):
        raise PermissionDenied("A device token does not allow this.", code="device_token_not_allowed")
    if kwargs.get("device_uid", device.device_uid) != device.device_uid:
        raise NotFound
