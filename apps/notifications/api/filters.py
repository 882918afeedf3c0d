"""Which messages a list holds."""

from django_filters import rest_framework as filters

from ..models import Notification, State


class NotificationFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=State.choices, help_text="Given several times: any of them.")
    kind = filters.CharFilter(max_length=32)

    class Meta:
        model = Notification
        fields: list[str] = []
