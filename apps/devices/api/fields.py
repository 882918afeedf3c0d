"""Fields of devices on the wire that are stricter, or kinder, than DRF's."""

from datetime import datetime
from typing import Any

from django.conf import settings
from phonenumber_field.phonenumber import to_python
from rest_framework import serializers
from rest_framework.fields import empty

from mdd_backend.api.rest import NameField, TextField


class NoteField(TextField):
    """A text that may be empty; null empties it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True, **options)

    def run_validation(self, data: Any = empty) -> Any:
        return super().run_validation("" if data is None else data)


class NoteNameField(NoteField, NameField):
    """A name that may be empty; null empties it."""


class PhoneField(TextField):
    """A phone number, given back as E.164; without a country code it is one of this country."""

    default_error_messages = {"invalid_phone": "Is not a phone number."}

    def to_internal_value(self, data: Any) -> str:
        number = to_python(super().to_internal_value(data), region=settings.PHONENUMBER_DEFAULT_REGION)
        if not number or not number.is_valid():
            self.fail("invalid_phone")
        return str(number.as_e164)


class InstantField(serializers.DateTimeField):
    """A time that says its zone."""

    default_error_messages = {"no_zone": "Has no zone: write 2025-10-28T12:00:00Z."}

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_zone")
        return super().enforce_timezone(value)


class PartlyGoodList(serializers.ListField):
    """What each item says, or in its place the ValidationError that refuses it: a bad item does not lose the others."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)  # before any item is read
        return super().to_internal_value(data)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        return [self._verdict(item) for item in data]

    def _verdict(self, item: Any) -> Any:
        try:
            return self.child.run_validation(item)
        except serializers.ValidationError as why:
            return why
