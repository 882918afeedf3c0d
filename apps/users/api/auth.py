"""Registration, sign-in, and passwords."""

from typing import Any

from rest_framework.exceptions import AuthenticationFailed, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from mdd_backend.api.openapi import documented

from ..models import User
from ..rules import accounts, attachments, limits, phones, second_factor, sessions
from ..rules.tokens import session_of
from . import examples, lockout
from .authentication import OnceValid, tokens_for
from .permissions import caller, owner
from .phone import choice_of
from .serializers import (
    AccessSerializer,
    LoginSerializer,
    LogoutSerializer,
    NewAccountSerializer,
    PasswordChangeSerializer,
    PasswordResetConfirmationSerializer,
    PasswordResetRequestedSerializer,
    PasswordResetSerializer,
    RefreshSerializer,
    RegisteredSerializer,
    RegistrationSerializer,
    ResetTokensSerializer,
    TokensSerializer,
    refuse_weak,
)


class PublicView(APIView):
    """Open to anybody; a stale token in the header does no harm."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"


def client_of(request: Request) -> str:
    """What the app says it is."""
    return str(request.META.get("HTTP_USER_AGENT", ""))


def _signed_in(request: Request, user: User, session: str = "") -> Response:
    """Fresh tokens; the failures of this phone are forgotten."""
    lockout.forget_failures(request._request, user)
    return Response(tokens_for(user, session, client_of(request)))


class RegisterView(PublicView):
    @documented(
        "Register",
        takes=RegistrationSerializer,
        sends=examples.REGISTRATION,
        gives={201: (RegisteredSerializer, examples.REGISTERED)},
        errors=[429],
    )
    def post(self, request: Request) -> Response:
        """Everybody starts as a wearer, role USER. The phone may be written in any common way and is kept as E.164.

        From one address 20 accounts an hour are taken at once. Beyond that each waits a little longer after the one
        before: 429 says for how many seconds. It is never more than ten minutes.
        """
        body = RegistrationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            with limits.registration_from(lockout.address_of(request._request), accounts.PhoneTaken):
                user = accounts.register_user(**body.validated_data)
        except accounts.PhoneTaken:
            raise ValidationError({"phone_number": ["This phone number is already registered."]}) from None
        except limits.TooManyRegistrations as why:
            raise Throttled(why.wait_s, "Many accounts were made from your address lately.") from None
        tokens = tokens_for(user, client=client_of(request))
        return Response({"user": NewAccountSerializer(user).data, **tokens}, status=201)


class LoginView(PublicView):
    @documented(
        "Sign in",
        takes=LoginSerializer,
        sends=examples.LOGIN,
        gives={200: (TokensSerializer, examples.TOKENS)},
        errors=[401, 429],
    )
    def post(self, request: Request) -> Response:
        """401 `wrong_credentials` or `banned`. After too many failures 429, for the right password too.

        An ADMIN with a second factor gives it next, at `/auth/second-factor/`: until then the tokens are a USER's.
        Without one an ADMIN has seven days to set it up (`/auth/second-factor/enrol/`).
        """
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        request._request.known_by = body.validated_data.get("refresh", "")  # type: ignore[attr-defined]
        user = lockout.known_by_password(
            request._request, str(body.validated_data["phone_number"]), body.validated_data["password"]
        )
        if user is None:
            raise AuthenticationFailed("Wrong phone number or password.", code="wrong_credentials")
        if user.is_banned:
            raise AuthenticationFailed("This account is banned.", code="banned")
        second_factor.begin_grace(user)
        return _signed_in(request, user)


class RefreshView(PublicView):
    @documented(
        "Have a new access token",
        takes=RefreshSerializer,
        sends=examples.REFRESH,
        gives={200: (AccessSerializer, examples.ACCESS)},
        errors=[401],
    )
    def post(self, request: Request) -> Response:
        """The refresh token stays good: a lost answer locks no phone out."""
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            access = sessions.refresh(body.validated_data["refresh"])
        except TokenError as why:
            raise InvalidToken(str(why)) from None
        return Response({"access": str(access)})


class LogoutView(APIView):
    once_valid_may_enter = True

    @documented("Sign out", takes=LogoutSerializer, sends=examples.LOGOUT, gives={204: (None, None)})
    def post(self, request: Request) -> Response:
        """Ends the session of one refresh token of the caller; again: the same answer. A token that has run out does.

        The app that signed in with it rings no more: its push token goes too.
        """
        body = LogoutSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            push_token = "" if isinstance(request.auth, OnceValid) else body.validated_data.get("push_token", "")
            sessions.sign_out(body.validated_data["refresh"], caller(request), push_token)
        except TokenError:
            raise ValidationError({"refresh": ["Is not a refresh token of yours."]}) from None
        return Response(status=204)


class PasswordChangeView(APIView):
    @documented(
        "Change my password",
        takes=PasswordChangeSerializer,
        sends=examples.PASSWORD_CHANGE,
        gives={200: (TokensSerializer, examples.TOKENS)},
        errors=[429],
    )
    def post(self, request: Request) -> Response:
        """Ends every other session, and their apps ring no more. A wrong old password counts as a failed sign-in."""
        me = owner(request)
        body = PasswordChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        old, new = body.validated_data["old_password"], body.validated_data["new_password"]
        user = lockout.known_by_password(request._request, str(me.phone_number), old)
        if user is None:
            raise ValidationError({"old_password": ["Is not your password."]})
        refuse_weak(new, user, "new_password")
        session = session_of(request.auth)
        return _signed_in(request, accounts.change_password(user, new, session), session)


class PasswordResetView(PublicView):
    @documented(
        "Ask for a code to set a new password",
        takes=PasswordResetSerializer,
        sends={"phone_number": examples.PHONE},
        gives={202: (PasswordResetRequestedSerializer, {"status": "sent"})},
    )
    def post(self, request: Request) -> Response:
        """Whether or not anybody has this phone, the answer is the same."""
        body = PasswordResetSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        accounts.request_password_reset(body.validated_data["phone_number"])
        return Response({"status": "sent"}, status=202)


class PasswordResetConfirmView(PublicView):
    @documented(
        "Set a new password by the code",
        takes=PasswordResetConfirmationSerializer,
        sends=examples.PASSWORD_RESET,
        gives={200: (ResetTokensSerializer, examples.TOKENS)},
        errors=[409, 429],
    )
    def post(self, request: Request) -> Response:
        """Ends every earlier session, and their apps ring no more. A code has five tries.

        An account whose phone was never proven may have been made by somebody else. When anything is attached to it,
        409 `choose_what_stays` shows it, and the code stays good: send the same again with `keep`. What is not named
        there goes. While an SOS of the account is open everything stays, `choice_waits` is true, and it is asked at the
        next reset or when the phone is proven.
        """
        body = PasswordResetConfirmationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        phone, code, password = (body.validated_data[name] for name in ("phone_number", "sms_code", "new_password"))
        lockout.refuse(lockout.seconds_locked_from(request._request))
        try:
            user = accounts.person_with_code(phone, code)
            refuse_weak(password, user, "new_password")
            user, waits = accounts.reset_password(user, code, password, body.validated_data.get("keep"))
        except attachments.ChooseWhatStays as why:
            raise choice_of(why) from None
        except (phones.WrongCode, accounts.AccountErased):
            lockout.count_failure(request._request, "")
            raise ValidationError({"sms_code": ["Is wrong, or has run out."]}) from None
        finally:
            lockout.end_try(request._request)
        answer = _signed_in(request, user)
        if waits:
            answer.data["choice_waits"] = True
        return answer
