"""Which people a list holds."""

import re

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from ..models import STANDINGS, Language, Role, User

YES_OR_NO = (("true", "true"), ("false", "false"))
PART_OF_PHONE = re.compile(r"[+()\-.\s\d]*\d[+()\-.\s\d]*")


def _is_true(raw: str) -> bool:
    return raw == "true"


class UserFilter(filters.FilterSet):
    search = filters.CharFilter(
        method="find", max_length=150, help_text="A part of the name, or of the phone number however it is written."
    )
    role = filters.MultipleChoiceFilter(choices=Role.choices, help_text="Given several times: any of them.")
    status = filters.MultipleChoiceFilter(choices=STANDINGS, help_text="Given several times: any of them.")
    on_duty = filters.TypedChoiceFilter(choices=YES_OR_NO, coerce=_is_true)
    wants_to_help = filters.TypedChoiceFilter(choices=YES_OR_NO, coerce=_is_true)
    language = filters.MultipleChoiceFilter(choices=Language.choices, help_text="Given several times: any of them.")

    class Meta:
        model = User
        fields: list[str] = []

    def find(self, people: QuerySet[User], name: str, text: str) -> QuerySet[User]:
        wanted = Q(full_name__icontains=text)
        if PART_OF_PHONE.fullmatch(text):
            wanted |= Q(phone_number__contains=re.sub(r"\D", "", text))
        return people.filter(wanted)
