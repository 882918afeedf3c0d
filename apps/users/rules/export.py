"""Everything about one person, as one archive of JSON files; of others no more than the API shows them."""

import io
import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.contrib.gis.geos import Point
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Min

from mdd_backend.database.clock import now

from ..models import Export, Look, User
from ..signals import exporting
from . import sessions

A_DAY = 3
ABOUT = """Everything that this service holds about you, in JSON files, times in UTC.

account.json        your account
contacts.json       your emergency contacts
blocked.json        helpers you never want called
sessions.json       where you are signed in
looks.json          who has looked at your place, track, notes or contacts, and why
push_tokens.json    your apps, as Firebase knows them
notifications.json  what you were told, and what became of it
devices.json        your watches and phones
track.json          where they were, as far as that is kept
events.json         your emergencies
signals.json        what your watches sent for them
helped.json         the emergencies you were called to, as a helper

Not here: your password and the secret of your second factor, of which only digests or keys are kept; what dispatchers
wrote down about an emergency, which tells of others too; the journal, which holds numbers and no names.
"""


class TooManyExports(Exception):
    """So many were made within a day that the next one is made in `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


def export(user: User) -> bytes:
    """The archive. Raises TooManyExports."""
    _count(user)
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT)
        for name, rows in sorted(_files(user).items()):
            with archive.open(f"{name}.json", "w") as file:
                _write(io.TextIOWrapper(file, encoding="utf-8", write_through=True), rows)
    return made.getvalue()


@transaction.atomic
def _count(user: User) -> None:
    """Under the lock of the person's row: of many at once no more are made."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    at = now()
    lately = Export.objects.filter(user=user, at__gt=at - timedelta(days=1))
    if lately.count() >= A_DAY:
        oldest: datetime = lately.aggregate(oldest=Min("at"))["oldest"]
        raise TooManyExports(max(1, math.ceil((oldest + timedelta(days=1) - at).total_seconds())))
    Export.objects.filter(user=user).exclude(pk__in=lately.values("pk")).delete()
    Export.objects.create(user=user, at=at)


def _files(user: User) -> dict[str, Iterable[Any]]:
    account = User.objects.filter(pk=user.pk).values(
        "uuid", "phone_number", "full_name", "email", "role", "status", "language", "on_duty", "wants_to_help",
        "phone_confirmed_at", "second_factor_at", "contained_at", "created_at", "last_login",
    )  # fmt: skip
    looks = Look.objects.filter(person=user).order_by("pk")
    files: dict[str, Iterable[Any]] = {
        "account": account,
        "contacts": user.emergency_contacts.values(
            "uuid", "name", "phone_number", "language", "order", "confirmed_at", "refused_at", "created_at"
        ),
        "blocked": user.blocked_helpers.values("helper__uuid", "helper__full_name", "created_at"),
        "sessions": sessions.apps_of(user).values("client", "created_at", "last_used_at", "expires_at"),
        "looks": looks.values("at", "viewer__full_name", "viewer__role", "way", "event_uid", "reason"),
    }
    for _, answer in exporting.send(sender=User, user=user):
        files.update(answer or {})  # type: ignore[arg-type]
    return files


def _write(file: io.TextIOWrapper, rows: Iterable[Any]) -> None:
    """A list, row by row: a year of positions is never held at once."""
    encoder, between = DjangoJSONEncoder(ensure_ascii=False), "[\n"
    for row in rows.iterator(2000) if hasattr(rows, "iterator") else rows:
        file.write(between + encoder.encode({name: _plain(value) for name, value in row.items()}))
        between = ",\n"
    file.write("[]\n" if between == "[\n" else "\n]\n")
    file.detach()


def _plain(value: Any) -> Any:
    """A place as latitude and longitude in degrees, a phone number as it is dialled."""
    if isinstance(value, Point):
        lon, lat = value.coords
        return {"lat": lat, "lon": lon}
    return str(value) if hasattr(value, "as_e164") else value
