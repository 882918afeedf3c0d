"""Tracks lie in a table for each day."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection

from apps.devices.models import Device, LocationTrack
from apps.devices.partitions import create_partitions
from apps.devices.services import Fix, record_fix, record_fixes
from tests.devices.conftest import PLACE

pytestmark = pytest.mark.django_db


def partition_of(track: LocationTrack) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM devices_locationtrack WHERE id = %s", [track.pk])
        return str(cursor.fetchone()[0])


def test_fix_of_today_lies_in_todays_partition_and_a_wild_one_in_default(watch: Device) -> None:
    record_fixes(watch, [Fix(**PLACE), Fix(**PLACE, recorded_at=datetime(1999, 1, 1, tzinfo=UTC))])
    old, new = LocationTrack.objects.order_by("recorded_at")
    assert partition_of(new) == f"devices_locationtrack_{new.recorded_at:%Y%m%d}"
    assert partition_of(old) == "devices_locationtrack_default"


def test_late_partition_takes_its_rows_from_default(watch: Device) -> None:
    record_fix(watch, Fix(**PLACE, recorded_at=datetime(2001, 5, 5, 12, tzinfo=UTC)))
    assert create_partitions(date(2001, 5, 5)) == 9
    assert create_partitions(date(2001, 5, 5)) == 0
    assert partition_of(LocationTrack.objects.get()) == "devices_locationtrack_20010505"
