"""Which devices a list holds."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from ..models import Device


class DeviceFilter(filters.FilterSet):
    owner = filters.UUIDFilter(help_text="For dispatchers: whose devices, by the account's uuid. Else one's own.")

    class Meta:
        model = Device
        fields: list[str] = []

    def filter_queryset(self, devices: QuerySet[Device]) -> QuerySet[Device]:
        return devices.filter(owner__uuid=self.form.cleaned_data["owner"] or self.request.user.uuid)
