from datetime import UTC, datetime

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _create_partitions(**_: object) -> None:
    from .rules.partitions import create_partitions  # noqa: PLC0415

    create_partitions(datetime.now(UTC).date())


class DevicesConfig(AppConfig):
    name = "apps.devices"

    def ready(self) -> None:
        from apps.notifications.signals import place_reported  # noqa: PLC0415 - models are loaded only now
        from apps.users.signals import attached, erased, exporting, rest_unwanted, standing_changed  # noqa: PLC0415

        from .rules import registry  # noqa: PLC0415

        post_migrate.connect(_create_partitions, sender=self)
        standing_changed.connect(registry.place_helper, dispatch_uid="devices.place_helper")
        place_reported.connect(registry.see_helper, dispatch_uid="devices.see_helper")
        attached.connect(registry.attached_devices, dispatch_uid="devices.attached_devices")
        rest_unwanted.connect(registry.keep_devices, dispatch_uid="devices.keep_devices")
        exporting.connect(registry.exported, dispatch_uid="devices.exported")
        erased.connect(registry.forget_person, dispatch_uid="devices.forget_person")
