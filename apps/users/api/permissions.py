"""Who may do what."""

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ..models import Role, User

FACTOR_REQUIRED = {"detail": "Give the second factor first.", "code": "second_factor_required"}


class IsDispatcher(BasePermission):
    """Role ADMIN, with the second factor where one is asked."""

    code, message = None, None

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if isinstance(user, User) and user.role == Role.ADMIN and user.is_held_back:
            self.code, self.message = FACTOR_REQUIRED["code"], FACTOR_REQUIRED["detail"]
        return isinstance(user, User) and user.is_dispatcher


class IsSuperuser(BasePermission):
    """Role ADMIN with Django's mark of a superuser."""

    code, message = "superuser_required", "Only a superuser does this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.is_chief


def caller(request: Request) -> User:
    """The account behind the token; the permission classes have made sure that there is one."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


def owner(request: Request) -> User:
    """The caller, where the account itself is changed. Raises PermissionDenied until an ADMIN's second factor is given:
    a password alone takes no dispatcher off duty or out of the account.
    """
    user = caller(request)
    if user.is_held_back:
        raise PermissionDenied(**FACTOR_REQUIRED)
    return user
