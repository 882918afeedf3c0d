"""Proving that a phone is one's own."""

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdd_backend.api.errors import Conflict
from mdd_backend.api.openapi import documented

from ..rules import attachments, phones
from . import examples
from .permissions import caller
from .serializers import (
    AccountSerializer,
    AttachedSerializer,
    PasswordResetRequestedSerializer,
    PhoneConfirmationSerializer,
)


def choice_of(why: attachments.ChooseWhatStays) -> Conflict:
    return Conflict(str(why), {"attached": AttachedSerializer(why.attached).data}, "choose_what_stays")


class PhoneCodeView(APIView):
    @documented(
        "Ask for a code to prove my phone",
        gives={202: (PasswordResetRequestedSerializer, {"status": "sent"})},
        errors=[409],
    )
    def post(self, request: Request) -> Response:
        """By text, at most one a minute and five an hour. 409 `no_texts`: none are sent here, and no proof is asked."""
        try:
            phones.request_code(caller(request))
        except phones.NoTexts:
            raise Conflict("No text messages are sent here.", code="no_texts") from None
        return Response({"status": "sent"}, status=202)


class PhoneConfirmView(APIView):
    @documented(
        "Prove my phone by the code",
        takes=PhoneConfirmationSerializer,
        sends={"sms_code": "04231786"},
        gives={200: (AccountSerializer, examples.ACCOUNT)},
        errors=[409],
    )
    def post(self, request: Request) -> Response:
        """It is needed to become a helper and to take over a device, never for an SOS.

        Everything stays as it is, unless a reset of the password has answered `choice_waits`. Then 409 `still_needed`
        while an SOS is open, and afterwards 409 `choose_what_stays`, as at the reset: send the same again with `keep`.
        """
        body = PhoneConfirmationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            user = phones.confirm(caller(request), body.validated_data["sms_code"], body.validated_data.get("keep"))
        except attachments.ChooseWhatStays as why:
            raise choice_of(why) from None
        except attachments.StillNeeded as why:
            raise Conflict(str(why), code="still_needed") from None
        except phones.WrongCode:
            raise ValidationError({"sms_code": ["Is wrong, or has run out."]}) from None
        return Response(AccountSerializer(user).data)
