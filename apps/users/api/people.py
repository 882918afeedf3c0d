"""Accounts: one's own, and everybody's for dispatchers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdd_backend.api.errors import Conflict
from mdd_backend.api.openapi import documented

from ..models import User
from ..rules import accounts, attachments
from ..rules.phones import PhoneNotProven
from ..rules.rights import SuperuserRequired
from . import examples, lockout
from .filters import UserFilter
from .permissions import IsDispatcher, caller, owner
from .serializers import (
    AccountChangesSerializer,
    AccountDecisionSerializer,
    AccountDetailsSerializer,
    AccountSerializer,
    ErasureSerializer,
)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (attachments.StillNeeded, accounts.LastDispatcher) as why:
        raise Conflict(str(why)) from None
    except SuperuserRequired as why:
        raise PermissionDenied(str(why), code="superuser_required") from None
    except PhoneNotProven as why:
        raise Conflict(str(why), code="phone_not_proven") from None
    except accounts.AccountErased:
        raise NotFound from None


class MeView(APIView):
    @documented("My account", gives={200: (AccountSerializer, examples.ACCOUNT)})
    def get(self, request: Request) -> Response:
        return Response(AccountSerializer(caller(request)).data)

    @documented(
        "Change my account",
        takes=AccountChangesSerializer,
        sends={"language": "uz", "wants_to_help": True},
        gives={200: (AccountSerializer, examples.ACCOUNT | {"language": "uz"})},
    )
    def patch(self, request: Request) -> Response:
        """What is not mentioned stays; role and status are an ADMIN's to change. Withdrawing ends a helper's duty."""
        me = owner(request)
        body = AccountChangesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            user = accounts.change_own_account(me, body.validated_data)
        return Response(AccountSerializer(user).data)

    @documented(
        "Erase my account",
        takes=ErasureSerializer,
        sends={"password": examples.PASSWORD},
        gives={204: (None, None)},
        errors=[409, 429],
    )
    def delete(self, request: Request) -> Response:
        """For good: name, phone, devices, places. The phone number may register anew. 409 while an SOS is open.

        Asks for the password: a wrong one counts as a failed sign-in.
        """
        person = owner(request)
        body = ErasureSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        password = body.validated_data["password"]
        if lockout.known_by_password(request._request, str(person.phone_number), password) is None:
            get_object_or_404(User.objects.present(), pk=person.pk)  # else erased this moment
            raise ValidationError({"password": ["Is not your password."]})
        with _refusals():
            accounts.erase(person)
        return Response(status=204)


class UsersView(ListAPIView[User]):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]
    serializer_class = AccountDetailsSerializer
    filterset_class = UserFilter

    def get_queryset(self) -> QuerySet[User]:
        return User.objects.present().order_by("-pk")

    @documented(
        "Accounts, the newest first",
        gives={200: (AccountDetailsSerializer(many=True), examples.DETAILS)},
        errors=[400, 404],
    )
    def get(self, request: Request) -> Response:
        """For an ADMIN. Whoever waits to be made a helper: `?wants_to_help=true&role=USER`."""
        return self.list(request)


class UserView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    @documented("One account", gives={200: (AccountDetailsSerializer, examples.DETAILS)})
    def get(self, request: Request, uuid: UUID) -> Response:
        """For an ADMIN."""
        return Response(AccountDetailsSerializer(_person(uuid)).data)

    @documented(
        "Change somebody's account",
        takes=AccountDecisionSerializer,
        sends={"role": "HELPER"},
        gives={200: (AccountDetailsSerializer, examples.DETAILS | {"role": "HELPER"})},
        errors=[409],
    )
    def patch(self, request: Request, uuid: UUID) -> Response:
        """For an ADMIN. A ban ends every session. Only a superuser makes ADMINs and changes their accounts: 403
        `superuser_required`. The last active ADMIN, and the last superuser, stays one: 409. So
        is a helper whose phone is not proven: 409 `phone_not_proven`.
        """
        user = _person(uuid)
        body = AccountDecisionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            user = accounts.change_account(user, body.validated_data, caller(request))
        return Response(AccountDetailsSerializer(user).data)


def _person(uuid: UUID) -> User:
    return get_object_or_404(User.objects.present(), uuid=uuid)
