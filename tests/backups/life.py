"""Run as a program against the database that DATABASE_URL names: `begin` fills it with people, positions and events,
`press` sends one SOS of the first of them and prints the answer's status."""

import os
import sys
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdd_backend.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken  # noqa: E402

from apps.devices.rules.registry import Fix, record_fix, register_device  # noqa: E402
from apps.sos.models import SosEvent  # noqa: E402
from apps.sos.rules.due_step import take_due_step  # noqa: E402
from apps.users.models import Role, User  # noqa: E402

HERE = (41.311081, 69.240562)
AWKWARD = "a \\ back\\slash\tand\r\nSET transaction_timeout = 0;\n\\restrict x\n\\.\n'quoted' Ўзбек 🚑"


def client_of(user: User) -> APIClient:
    client = APIClient(SERVER_NAME="localhost")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}")
    return client


def signal(user: User) -> dict[str, object]:
    place = {"lat": HERE[0], "lon": HERE[1]}
    return {"device_uid": f"watch-{user.pk}", **place, "severity": 4, "raw_payload": {"said": AWKWARD}}


def begin() -> None:
    call_command("migrate", verbosity=0)
    for number in range(8):
        user = User.objects.create(
            phone_number=f"+99890000000{number}", full_name=AWKWARD, role=Role.HELPER if number > 2 else Role.USER,
            on_duty=True,
        )  # fmt: skip
        device, _ = register_device(user, f"watch-{user.pk}")
        for hours in (0, 1, 20, 24 * 40):  # in a day's partition, and in DEFAULT
            record_fix(device, Fix(*HERE, recorded_at=datetime.now(UTC) - timedelta(hours=hours)))
        if number < 2:
            client_of(user).post("/api/v1/sos/trigger/", signal(user), format="json")
    for event in SosEvent.objects.all():
        take_due_step(event.pk)


def press() -> None:
    user = User.objects.order_by("pk")[2]
    print(client_of(user).post("/api/v1/sos/trigger/", signal(user), format="json").status_code)


{"begin": begin, "press": press}[sys.argv[1]]()
