"""The second factor of dispatchers, over the API."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdd_backend.api.errors import Conflict
from mdd_backend.api.openapi import documented
from mdd_backend.api.rest import TextField

from ..models import Role, User
from ..rules import second_factor, sessions
from ..rules.tokens import session_of
from . import examples, lockout
from .permissions import caller
from .serializers import TokensSerializer, password_field


class FactorSerializer(serializers.Serializer[Any]):
    factor_code = TextField(max_length=32, help_text="Six digits of the authenticator app, or a recovery code.")


class EnrolmentRequestSerializer(serializers.Serializer[Any]):
    password = password_field()
    factor_code = TextField(max_length=32, required=False, help_text="The present second factor, when there is one.")


class EnrolmentSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Base 32, for an authenticator app.")
    url = serializers.CharField(help_text="The same as otpauth://…, for a QR code.")


class EnrolledSerializer(TokensSerializer):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Each signs in once in place of the app. They are shown this once."
    )


def _checked(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    checked: dict[str, Any] = body.validated_data
    return checked


def use_factor(request: Request, user: User, code: str) -> None:
    """A wrong code counts as a wrong password. Raises Throttled, and ValidationError that names `factor_code`."""
    phone = str(user.phone_number)
    lockout.refuse(lockout.seconds_no_code(request._request, phone))
    try:
        second_factor.use(user, code)
    except second_factor.WrongCode:
        lockout.count_failure(request._request, phone)
        raise ValidationError({"factor_code": ["Is wrong, or has been used."]}) from None
    finally:
        lockout.end_try(request._request)


def _dispatcher(request: Request) -> User:
    user = caller(request)
    if user.role != Role.ADMIN:
        raise Conflict("Only an ADMIN has a second factor.")
    return user


def _sign_in_of(request: Request) -> str:
    """The session of the app or the browser."""
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return session_of(request.auth) if request.auth else sessions.key_of_browser(cookie)


def _with_factor(request: Request, user: User) -> dict[str, str]:
    lockout.forget_failures(request._request, user)
    client = str(request.META.get("HTTP_USER_AGENT", ""))
    refresh = sessions.go_on_with_factor(user, session_of(request.auth), client)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


class SecondFactorView(APIView):
    @documented(
        "Give the second factor",
        takes=FactorSerializer,
        sends={"factor_code": "042317"},
        gives={200: (TokensSerializer, examples.TOKENS)},
        errors=[409, 429],
    )
    def post(self, request: Request) -> Response:
        """For an ADMIN who has one: until then the tokens of their sign-in are a USER's, and dispatch routes answer 403
        `second_factor_required`. The new tokens replace them.
        """
        user = _dispatcher(request)
        use_factor(request, user, _checked(FactorSerializer, request)["factor_code"])
        return Response(_with_factor(request, user))


class EnrolView(APIView):
    @documented(
        "Begin a second factor",
        takes=EnrolmentRequestSerializer,
        sends={"password": examples.PASSWORD},
        gives={200: (EnrolmentSerializer, examples.ENROLMENT)},
        errors=[409, 429],
    )
    def post(self, request: Request) -> Response:
        """For an ADMIN, by the password, and by the present second factor when there is one. It changes nothing until a
        code of the new one is confirmed, by the same session.
        """
        user = _dispatcher(request)
        body = _checked(EnrolmentRequestSerializer, request)
        if lockout.known_by_password(request._request, str(user.phone_number), body["password"]) is None:
            raise ValidationError({"password": ["Is not your password."]})
        if user.second_factor_at is not None:
            if not body.get("factor_code"):
                raise ValidationError({"factor_code": ["This field is required."]})
            use_factor(request, user, body["factor_code"])
        begun = second_factor.begin(user, _sign_in_of(request))
        return Response({"secret": begun.secret, "url": begun.url})


class EnrolConfirmView(APIView):
    @documented(
        "Confirm a second factor",
        takes=FactorSerializer,
        sends={"factor_code": "042317"},
        gives={200: (EnrolledSerializer, examples.ENROLLED)},
        errors=[409, 429],
    )
    def post(self, request: Request) -> Response:
        """By a code of the app that has the new secret. Keep the recovery codes: those of before are good no more.

        Other browsers are signed out.
        """
        user, code = _dispatcher(request), _checked(FactorSerializer, request)["factor_code"]
        phone = str(user.phone_number)
        lockout.refuse(lockout.seconds_no_code(request._request, phone))
        try:
            codes = second_factor.confirm(user, code, _sign_in_of(request))
        except second_factor.NotBegun:
            raise Conflict("No second factor was begun.") from None
        except second_factor.WrongCode:
            lockout.count_failure(request._request, phone)
            raise ValidationError({"factor_code": ["Is wrong."]}) from None
        finally:
            lockout.end_try(request._request)
        return Response({**_with_factor(request, user), "recovery_codes": codes})
