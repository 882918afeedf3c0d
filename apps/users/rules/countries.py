"""Where text messages may go: SMS_COUNTRIES."""

import phonenumbers
from django.conf import settings
from phonenumber_field.phonenumber import PhoneNumber, to_python


def country_of(number: str | PhoneNumber) -> str:
    """The two letters of the number's country; empty when it is of none."""
    parsed = to_python(str(number))
    return (phonenumbers.region_code_for_number(parsed) or "") if parsed else ""


def may_be_texted(number: str | PhoneNumber) -> bool:
    """Whether text messages go to the country of the number."""
    return "*" in settings.SMS_COUNTRIES or country_of(number) in settings.SMS_COUNTRIES
