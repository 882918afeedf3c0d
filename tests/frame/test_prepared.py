"""Prepared statements: they give what Django's own queries give, and count as queries."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, connection, models, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import isolate_apps

from apps.devices.models import Device
from apps.sos.kinds import EventStatus
from apps.sos.models import SosEvent
from apps.users.models import User
from mdd_backend.database import prepared
from mdd_backend.database.prepared import Columns

NOW = datetime(2026, 5, 1, 12, 30, 1, 250_000, tzinfo=UTC)
TEXT = "“Ёлка” 🌲 'and' \"more\" \\ %s"


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("+998901234567", full_name=TEXT)


def event_of(user: User, **fields: Any) -> SosEvent:
    values: dict[str, Any] = {
        "detected_type": "OTHER", "severity": 3, "occurred_at": NOW, "received_at": NOW, "last_signal_at": NOW,
        "plan": {"waves": [{"radius_m": 1}], "text": TEXT}, "wave_at": NOW, "next_step_at": NOW,
    }  # fmt: skip
    return SosEvent(user=user, **values | fields)


def test_rows_are_kept_as_django_keeps_them(user: User) -> None:
    place = Point(69.240562123456789, 41.311081987654321, srid=4326)
    ours = event_of(user, position=place, altitude=0.1 + 0.2, detected_type_text=TEXT, location_age_s=0)
    theirs = event_of(user, position=place, altitude=0.1 + 0.2, detected_type_text=TEXT, location_age_s=0)
    prepared.insert(ours)
    theirs.save()
    kept, expected = SosEvent.objects.filter(pk__in=[ours.pk, theirs.pk]).order_by("pk")
    for field in SosEvent._meta.concrete_fields:
        if field.attname not in {"id", "uid"}:
            assert getattr(kept, field.attname) == getattr(expected, field.attname), field.attname
    assert kept.uid == ours.uid
    ours.status = EventStatus.CANCELLED
    ours.next_step_at = None
    ours.save()  # it is known to be there: no second row
    assert SosEvent.objects.count() == 2


@isolate_apps("apps.sos")
def test_default_of_the_database_goes_into_the_row_and_the_model(db: None) -> None:
    class Probe(models.Model):
        word = models.CharField(db_default="usual")
        number = models.IntegerField(db_default=7)

        class Meta:
            app_label = "sos"

    with connection.schema_editor() as editor:
        editor.create_model(Probe)
    usual, chosen = Probe(), Probe(word="other", number=8)
    prepared.insert(usual, chosen)
    assert [(one.word, one.number) for one in (usual, chosen)] == [("usual", 7), ("other", 8)]
    assert list(Probe.objects.order_by("pk").values_list("word", "number")) == [("usual", 7), ("other", 8)]


def test_each_of_many_rows_gets_its_own_key(user: User) -> None:
    devices = [Device(device_uid=f"w-{number}", owner=user) for number in range(50)]
    prepared.insert(*devices)
    assert dict(Device.objects.values_list("pk", "device_uid")) == {one.pk: one.device_uid for one in devices}


def test_what_breaks_a_constraint_is_refused_or_left_out(user: User) -> None:
    prepared.insert(Device(device_uid="w-1", owner=user))
    with pytest.raises(IntegrityError), transaction.atomic():
        prepared.insert(Device(device_uid="w-1", owner=user))
    prepared.insert(Device(device_uid="w-1", owner=user), Device(device_uid="w-2", owner=user), or_ignore=True)
    assert sorted(Device.objects.values_list("device_uid", flat=True)) == ["w-1", "w-2"]


def test_value_without_a_form_is_refused(user: User) -> None:
    with pytest.raises(TypeError, match="set"):
        prepared.insert(event_of(user, plan={"waves": {1, 2}}))


def test_statement_gives_models_as_django_does(user: User, django_assert_num_queries: Any) -> None:
    event = event_of(user, position=Point(69, 41, srid=4326), altitude=0.5, detected_type_text=TEXT)
    event.save()
    columns = Columns(SosEvent, "e")
    with django_assert_num_queries(1):
        ((ours, doubled),) = prepared.models(
            f"SELECT {columns}, e.severity * 2 FROM sos_sosevent e WHERE e.id = %s", [event.pk], columns
        )
        theirs = {field.attname: getattr(ours, field.attname) for field in SosEvent._meta.concrete_fields}
    assert theirs == SosEvent.objects.values().get()
    assert (ours, doubled, ours._state.adding) == (event, 6, False)


def test_statement_gives_models_with_those_they_point_at(user: User, django_assert_num_queries: Any) -> None:
    device = Device.objects.create(device_uid="w-1", owner=user)
    SosEvent.objects.bulk_create([event_of(user, device=device), event_of(user)])
    event, watch = Columns(SosEvent, "e", "id", "device_id"), Columns(Device, "d", "id", "device_uid")
    joined = f"SELECT {event}, {watch} FROM sos_sosevent e LEFT JOIN devices_device d ON d.id = e.device_id ORDER BY 1"
    with django_assert_num_queries(1):
        (_, worn), (_, none) = prepared.models(joined, [], event, watch)
        assert (worn.device_uid, none) == ("w-1", None)
    with django_assert_num_queries(1):
        assert worn.owner_id == user.pk, "a field left out is read when it is asked for"
    with pytest.raises(FieldDoesNotExist, match="wearer"):
        Columns(Device, "d", "id", "wearer")


def test_statement_in_a_broken_transaction_is_refused(user: User) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            prepared.rows("SELECT 1", [])


def test_statement_is_prepared_once_a_connection(user: User) -> None:
    for number in range(3):
        assert prepared.rows("SELECT %s::int * 2 AS doubled_for_this_test", [number]) == [(number * 2,)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%doubled_for_this_test%%'")
        assert cursor.fetchone() == (1,)
