"""The shapes of accounts on the wire."""

from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from phonenumber_field.serializerfields import PhoneNumberField
from rest_framework import serializers

from mdd_backend.api.rest import NameField, TextField, TrueFalseField
from mdd_backend.database.clock import utc

from ..models import DEVICES_MOST, STANDINGS, Language, Role, User
from ..rules import second_factor


class PhoneField(PhoneNumberField, TextField):  # type: ignore[misc]
    """A phone number as people write it; one of Uzbekistan needs no country code."""


class EmailField(TextField, serializers.EmailField):
    pass


def password_field() -> TextField:
    return TextField(max_length=128, trim_whitespace=False)


def refuse_weak(password: str, person: User, field: str) -> None:
    """Raises ValidationError, naming `field`, for a password that AUTH_PASSWORD_VALIDATORS refuse."""
    try:
        password_validation.validate_password(password, person)
    except ValidationError as why:
        raise serializers.ValidationError({field: why.messages}) from None


class NewAccountSerializer(serializers.ModelSerializer[User]):
    """A person, as registration answers."""

    phone_number = serializers.CharField(help_text="E.164.")
    status = serializers.ChoiceField(STANDINGS)

    class Meta:
        model = User
        fields = ["uuid", "full_name", "phone_number", "email", "role", "status"]
        read_only_fields = fields


class AccountSerializer(NewAccountSerializer):
    """One's own account."""

    second_factor = serializers.SerializerMethodField(
        help_text="Of an ADMIN: `set_up_at`, or `due_at`, until when they sign in without one; of others null."
    )

    class Meta(NewAccountSerializer.Meta):
        fields = [
            *NewAccountSerializer.Meta.fields, "language", "on_duty", "wants_to_help", "phone_confirmed_at",
            "second_factor",
        ]  # fmt: skip
        read_only_fields = fields

    def get_second_factor(self, user: User) -> dict[str, Any] | None:
        if not second_factor.is_asked(user):
            return None
        shown = {"set_up_at": user.second_factor_at, "due_at": user.second_factor_due_at}
        return {name: at and utc(at) for name, at in shown.items()}


class AccountDetailsSerializer(AccountSerializer):
    """An account, as an ADMIN sees it."""

    last_login = serializers.DateTimeField(allow_null=True, help_text="The last time with a password or a code.")

    class Meta(AccountSerializer.Meta):
        fields = [*AccountSerializer.Meta.fields, "contained_at", "created_at", "last_login"]
        read_only_fields = fields


class AccountChangesSerializer(serializers.Serializer[User]):
    """What people may change about themselves."""

    full_name = NameField(max_length=150, required=False)
    email = EmailField(max_length=254, allow_null=True, required=False)
    language = serializers.ChoiceField(Language.choices, required=False)
    on_duty = TrueFalseField(required=False)
    wants_to_help = TrueFalseField(required=False, help_text="An ADMIN then makes them a helper, or not.")


class AccountDecisionSerializer(serializers.Serializer[User]):
    """What an ADMIN may change about somebody."""

    role = serializers.ChoiceField(Role.choices, required=False)
    status = serializers.ChoiceField(STANDINGS, required=False)
    full_name = NameField(max_length=150, required=False)
    language = serializers.ChoiceField(Language.choices, required=False)


class RegistrationSerializer(serializers.Serializer[User]):
    phone_number = PhoneField()
    full_name = NameField(max_length=150)
    password = password_field()
    password2 = password_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password"] != attrs.pop("password2"):
            raise serializers.ValidationError({"password2": ["The two passwords differ."]})
        person = User(phone_number=attrs["phone_number"], full_name=attrs["full_name"])
        refuse_weak(attrs["password"], person, "password")
        return attrs


class LoginSerializer(serializers.Serializer[User]):
    phone_number = PhoneField()
    password = password_field()
    refresh = TextField(
        max_length=4096,
        required=False,
        help_text="The app's last refresh token, also one that has ended: then what strangers try does not delay it.",
    )


class RefreshSerializer(serializers.Serializer[User]):
    refresh = TextField(max_length=4096)


class LogoutSerializer(RefreshSerializer):
    push_token = TextField(
        max_length=1024, required=False, help_text="The app's own, to be sure that it goes; of another person it stays."
    )


class ErasureSerializer(serializers.Serializer[User]):
    password = password_field()


class PasswordChangeSerializer(serializers.Serializer[User]):
    old_password = password_field()
    new_password = password_field()


class PasswordResetSerializer(serializers.Serializer[User]):
    phone_number = PhoneField()


class PasswordResetRequestedSerializer(serializers.Serializer[Any]):
    """The same whether or not anybody has the phone."""

    status = serializers.CharField()


class KeptSerializer(serializers.Serializer[Any]):
    """A kind that is not known is refused: what is not named goes, and a slip would cost somebody their watch."""

    devices = serializers.ListField(child=TextField(max_length=64), max_length=DEVICES_MOST, required=False)
    contacts = serializers.ListField(child=serializers.UUIDField(), max_length=100, required=False)

    def to_internal_value(self, data: Any) -> Any:
        kept = super().to_internal_value(data)
        if unknown := data.keys() - self.fields.keys():
            raise serializers.ValidationError({name: ["Is nothing that can be kept."] for name in sorted(unknown)})
        return kept


class PasswordResetConfirmationSerializer(PasswordResetSerializer):
    sms_code = TextField(max_length=16, help_text="Eight digits, good for 10 minutes and five tries.")
    new_password = password_field()
    keep = KeptSerializer(required=False, help_text="Asked for by 409 `choose_what_stays`: what of it is yours.")


class AttachedDeviceSerializer(serializers.Serializer[Any]):
    device_uid = serializers.CharField()
    model = serializers.CharField()
    wearer_name = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttachedContactSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    phone_number = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttachedAppSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    platform = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttachedSessionSerializer(serializers.Serializer[Any]):
    client = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttachedSerializer(serializers.Serializer[Any]):
    """What is attached to an account. Its sessions end in any case."""

    devices = AttachedDeviceSerializer(many=True)
    contacts = AttachedContactSerializer(many=True)
    push_tokens = AttachedAppSerializer(many=True)
    sessions = AttachedSessionSerializer(many=True)


class PhoneConfirmationSerializer(serializers.Serializer[Any]):
    sms_code = TextField(max_length=16, help_text="Eight digits, good for 10 minutes and five tries.")
    keep = KeptSerializer(required=False, help_text="Asked for by 409 `choose_what_stays`: what of it is yours.")


class AccessSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="60 minutes.")


class TokensSerializer(AccessSerializer):
    refresh = serializers.CharField(help_text="90 days; stays the same when it is used.")


class ResetTokensSerializer(TokensSerializer):
    choice_waits = serializers.BooleanField(
        required=False, help_text="true: an SOS is open, so everything stays; ask for a code again afterwards."
    )


class RegisteredSerializer(TokensSerializer):
    user = NewAccountSerializer()
