"""Run as a program against the database that DATABASE_URL names, as its role: what the service does in a day.

Prints one line of JSON: what each deed answered.
"""

import json
import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdd_backend.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from apps.devices.rules.partitions import create_partitions, drop_partitions  # noqa: E402
from apps.notifications.models import Channel  # noqa: E402
from apps.notifications.rules.delivery import deliver_due  # noqa: E402
from apps.sos import claims, sql  # noqa: E402
from apps.sos.models import JournalEntry, SosEvent  # noqa: E402
from apps.sos.rules.due_step import take_due_steps  # noqa: E402
from apps.sos.tracks import drop_old_tracks  # noqa: E402
from apps.users.models import Role, User  # noqa: E402
from mdd_backend.database import statistics  # noqa: E402

PASSWORD = "someStrongPassword123"
HERE = {"lat": 41.311081, "lon": 69.240562}
LONG_AGO = date(2001, 5, 5)


class Person:
    def __init__(self, phone_number: str) -> None:
        self.client = APIClient(SERVER_NAME="localhost")
        body = {"phone_number": phone_number, "full_name": "Nodira", "password": PASSWORD, "password2": PASSWORD}
        access = self.call("post", "auth/register/", body)["access"]
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")

    def call(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        answer = getattr(self.client, method)(f"/api/v1/{path}", body, format="json")
        assert answer.status_code < 300, (path, answer.status_code, answer.content)
        return answer.json() if answer.content else None


def people() -> tuple[Person, Person]:
    wearer, helper = Person("+998901234567"), Person("+998901112233")
    User.objects.filter(phone_number="+998901112233").update(role=Role.HELPER, on_duty=True)
    for person, uid in ((wearer, "watch"), (helper, "phone")):
        person.call("post", "devices/", {"device_uid": uid})
        person.call("post", f"devices/{uid}/location/", HERE)
        person.call("post", f"devices/{uid}/location/", HERE | {"timestamp": f"{LONG_AGO}T12:00:00Z"})
    helper.call("post", "push-tokens/", {"token": "a-token", "platform": "ANDROID"})
    return wearer, helper


def sweep() -> None:
    take_due_steps()
    for channel in Channel.values:
        deliver_due(channel)
    claims.audit()


def days() -> tuple[int, int]:
    """How many days were made, and dropped, long ago; and this service's own retention."""
    made = create_partitions(LONG_AGO)
    dropped = drop_partitions(LONG_AGO + timedelta(days=30), sql.TRACKS_OF_EVENTS)
    settings.TRACK_RETENTION_DAYS = 1
    create_partitions(datetime.now(UTC).date() - timedelta(days=20))
    drop_old_tracks()
    return made, dropped


def analysed() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (name) SELECT 'group ' || n FROM generate_series(1, 500) n")
        cursor.execute("SELECT pg_stat_force_next_flush()")
    return statistics.refresh()


def main() -> None:
    wearer, helper = people()
    event_uid = wearer.call("post", "sos/trigger/", {"device_uid": "watch", "severity": 4, **HERE})["event_uid"]
    sweep()
    made, dropped = days()
    helper.call("post", f"sos/{event_uid}/respond/", {"status": "ACCEPTED"})
    wearer.call("post", f"sos/{event_uid}/cancel/")
    said = {
        "kinds": sorted(set(JournalEntry.objects.values_list("kind", flat=True))),
        "status": SosEvent.objects.get().status,
        "made": made,
        "dropped": dropped,
        "analysed": analysed(),
    }
    print(json.dumps(said))


main()
