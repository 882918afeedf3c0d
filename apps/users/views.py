"""Registration, sign-in and accounts."""

from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from . import services
from .authentication import tokens_for
from .models import User
from .permissions import IsDispatcher, caller
from .serializers import (
    LoginSerializer,
    MeSerializer,
    RefreshSerializer,
    RegistrationSerializer,
    StandingSerializer,
    UserSerializer,
)


class PublicView(APIView):
    """Open to anybody; a stale token in the header does no harm."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []


class RegisterView(PublicView):
    def post(self, request: Request) -> Response:
        body = RegistrationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            user = services.register_user(**body.validated_data)
        except services.PhoneTaken:
            raise ValidationError({"phone_number": ["This phone number is already registered."]}) from None
        return Response({"user": UserSerializer(user).data, **tokens_for(user)}, status=201)


class LoginView(PublicView):
    def post(self, request: Request) -> Response:
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = authenticate(request._request, **body.validated_data)
        if not isinstance(user, User):
            raise AuthenticationFailed("Wrong phone number or password.", code="wrong_credentials")
        if user.is_banned:
            raise AuthenticationFailed("This account is banned.", code="banned")
        return Response(tokens_for(user))

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"


class RefreshView(PublicView):
    def post(self, request: Request) -> Response:
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            token = RefreshToken(body.validated_data["refresh"])
        except TokenError as why:
            raise InvalidToken(str(why)) from None
        user = User.objects.filter(uuid=token["user_uuid"]).first()
        if user is None or user.is_banned:
            raise InvalidToken("This account is banned or gone.")
        return Response({"access": str(token.access_token)})

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MeView(APIView):
    def patch(self, request: Request) -> Response:
        body = MeSerializer(caller(request), data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        body.save()
        return Response(body.data)


class UserView(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def patch(self, request: Request, uuid: UUID) -> Response:
        user = get_object_or_404(User, uuid=uuid)
        body = StandingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        standing = {"role": user.role, "status": user.status} | body.validated_data
        return Response(UserSerializer(services.change_standing(user, **standing)).data)
