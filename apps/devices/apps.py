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
        from apps.users.signals import erased, standing_changed  # noqa: PLC0415

        from .rules.registry import forget_person, place_helper, see_helper  # noqa: PLC0415

        post_migrate.connect(_create_partitions, sender=self)
        standing_changed.connect(place_helper, dispatch_uid="devices.place_helper")
        place_reported.connect(see_helper, dispatch_uid="devices.see_helper")
        erased.connect(forget_person, dispatch_uid="devices.forget_person")
