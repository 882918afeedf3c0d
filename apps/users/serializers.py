"""The shapes of accounts on the wire."""

from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from phonenumber_field.serializerfields import PhoneNumberField
from rest_framework import serializers

from mdd_backend.rest import TextField, TrueFalseField

from .models import Role, Status, User


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["uuid", "full_name", "phone_number", "email", "role", "status"]


class MeSerializer(UserSerializer):
    """One's own account: as others see it, and what only its owner needs."""

    on_duty = TrueFalseField(required=False)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "on_duty"]
        read_only_fields = UserSerializer.Meta.fields


class StandingSerializer(serializers.Serializer[User]):
    """What an ADMIN may change about somebody."""

    role = serializers.ChoiceField(Role.choices, required=False)
    status = serializers.ChoiceField(Status.choices, required=False)


class RegistrationSerializer(serializers.Serializer[User]):
    phone_number = PhoneNumberField()
    full_name = TextField(max_length=150)
    password = TextField(max_length=128, trim_whitespace=False)
    password2 = TextField(max_length=128, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password"] != attrs.pop("password2"):
            raise serializers.ValidationError({"password2": ["The two passwords differ."]})
        person = User(phone_number=attrs["phone_number"], full_name=attrs["full_name"])
        try:
            password_validation.validate_password(attrs["password"], person)
        except ValidationError as why:
            raise serializers.ValidationError({"password": why.messages}) from None
        return attrs


class LoginSerializer(serializers.Serializer[User]):
    phone_number = PhoneNumberField()
    password = TextField(max_length=128, trim_whitespace=False)


class RefreshSerializer(serializers.Serializer[User]):
    refresh = TextField(max_length=4096)
