"""One's emergency contacts, and the helpers whom one never wants called."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdd_backend.api.openapi import documented
from mdd_backend.api.rest import NameField, WholeNumberField

from ..models import BlockedHelper, EmergencyContact, Language
from ..rules import contacts
from ..rules.accounts import AccountErased
from . import examples
from .permissions import caller
from .serializers import PhoneField


class TooMany(APIException):
    status_code = 400
    default_code = "too_many"


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except contacts.NumberRefused as why:
        raise ValidationError({"phone_number": [str(why)]}) from None
    except contacts.NotAHelper:
        raise ValidationError({"helper": ["Is no active helper whom you could block."]}) from None
    except contacts.TooMany as why:
        raise TooMany(str(why)) from None
    except (contacts.NoSuchContact, AccountErased):
        raise NotFound from None


class ContactSerializer(serializers.ModelSerializer[EmergencyContact]):
    phone_number = serializers.CharField(help_text="E.164.")
    confirmed = serializers.SerializerMethodField(help_text="They have said that they want to be your contact.")
    refused = serializers.SerializerMethodField(help_text="They do not want to: nothing is sent to them.")

    class Meta:
        model = EmergencyContact
        fields = ["uuid", "name", "phone_number", "language", "order", "confirmed", "refused", "created_at"]
        read_only_fields = fields

    def get_confirmed(self, contact: EmergencyContact) -> bool:
        return contact.confirmed_at is not None

    def get_refused(self, contact: EmergencyContact) -> bool:
        return contact.refused_at is not None


class NewContactSerializer(serializers.Serializer[EmergencyContact]):
    name = NameField(max_length=150)
    phone_number = PhoneField()
    language = serializers.ChoiceField(Language.choices, required=False, help_text="Of what they are sent; else yours.")
    order = WholeNumberField(min_value=0, max_value=1000, required=False, help_text="Else after the others.")


class ContactChangesSerializer(NewContactSerializer):
    name = NameField(max_length=150, required=False)
    phone_number = PhoneField(required=False)


class ContactsView(ListModelMixin, GenericAPIView[EmergencyContact]):
    queryset = EmergencyContact.objects.none()  # for the documents; see get_queryset
    serializer_class = ContactSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[EmergencyContact]:
        return caller(self.request).emergency_contacts.all()

    @documented("One's own emergency contacts", gives={200: (ContactSerializer(many=True), examples.CONTACT)})
    def get(self, request: Request) -> Response:
        """In the order one gave them."""
        return self.list(request)

    @documented(
        "Add an emergency contact",
        takes=NewContactSerializer,
        sends=examples.NEW_CONTACT,
        gives={201: (ContactSerializer, examples.CONTACT)},
    )
    def post(self, request: Request) -> Response:
        """They need no account: in an emergency they get a text message. At most ten: then 400 `too_many`.

        Once your phone is proven, a text asks them whether they want to be your contact. Until both are so, texts to
        them do not name you. A number of a country where no texts go, or whose owner has said no, is a 400.
        """
        body = NewContactSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            contact = contacts.add_contact(caller(request), **body.validated_data)
        return Response(ContactSerializer(contact).data, status=201)


class ContactView(APIView):
    @documented(
        "Change an emergency contact",
        takes=ContactChangesSerializer,
        sends={"language": "uz"},
        gives={200: (ContactSerializer, examples.CONTACT | {"language": "uz"})},
    )
    def patch(self, request: Request, contact_uuid: UUID) -> Response:
        """What is not mentioned stays. The phone rings with every change, so that nobody makes one unnoticed."""
        body = ContactChangesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            contact = contacts.change_contact(caller(request), contact_uuid, body.validated_data)
        return Response(ContactSerializer(contact).data)

    @documented("Remove an emergency contact", gives={204: (None, None)})
    def delete(self, request: Request, contact_uuid: UUID) -> Response:
        """The page they may have open about an SOS is gone at once."""
        with _refusals():
            contacts.remove_contact(caller(request), contact_uuid)
        return Response(status=204)


class BlockedHelperSerializer(serializers.ModelSerializer[BlockedHelper]):
    helper = serializers.UUIDField(source="helper.uuid")
    full_name = serializers.CharField(source="helper.full_name")

    class Meta:
        model = BlockedHelper
        fields = ["helper", "full_name", "created_at"]
        read_only_fields = fields


class BlockSerializer(serializers.Serializer[BlockedHelper]):
    helper = serializers.UUIDField(help_text="A helper's uuid.")


class BlockedHelpersView(ListModelMixin, GenericAPIView[BlockedHelper]):
    queryset = BlockedHelper.objects.none()  # for the documents; see get_queryset
    serializer_class = BlockedHelperSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[BlockedHelper]:
        return caller(self.request).blocked_helpers.select_related("helper").order_by("pk")

    @documented(
        "Helpers who are never called to oneself",
        gives={200: (BlockedHelperSerializer(many=True), examples.BLOCKED)},
    )
    def get(self, request: Request) -> Response:
        """They do not hear of it."""
        return self.list(request)

    @documented(
        "Never call a helper to me",
        takes=BlockSerializer,
        sends={"helper": examples.BLOCKED["helper"]},
        gives={201: (BlockedHelperSerializer, examples.BLOCKED), 200: (BlockedHelperSerializer, examples.BLOCKED)},
    )
    def post(self, request: Request) -> Response:
        """200: they are blocked already. At most a hundred: then 400 `too_many`."""
        body = BlockSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            blocked, created = contacts.block_helper(caller(request), body.validated_data["helper"])
        return Response(BlockedHelperSerializer(blocked).data, status=201 if created else 200)


class BlockedHelperView(APIView):
    @documented("Let a helper be called again", gives={204: (None, None)})
    def delete(self, request: Request, helper_uuid: UUID) -> Response:
        """From the next wave on."""
        if not contacts.unblock_helper(caller(request), helper_uuid):
            raise NotFound
        return Response(status=204)
