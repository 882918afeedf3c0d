"""Tracks lie in a table for each day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, connections, transaction

from apps.devices.models import Device, LocationTrack
from apps.devices.rules import partitions as partitions_module
from apps.devices.rules.partitions import create_partitions, drop_partitions, thin_default
from apps.devices.rules.registry import Fix, record_fix, record_fixes, register_device
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


DAY = date(2001, 5, 5)
NOON = datetime(2001, 5, 5, 12, tzinfo=UTC)
NONE_KEPT = "SELECT NULL::bigint AS device_id, NULL::timestamptz AS since, NULL::timestamptz AS until"


def kept(device: Device, since: datetime, until: datetime) -> str:
    return f"SELECT {device.pk} AS device_id, '{since}'::timestamptz AS since, '{until}'::timestamptz AS until"


@pytest.fixture
def no_old_days() -> None:
    """Partitions outlive a test that commits."""
    drop_partitions(date(2001, 6, 1), NONE_KEPT)


def times() -> list[datetime]:
    return list(LocationTrack.objects.order_by("recorded_at").values_list("recorded_at", flat=True))


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'devices_locationtrack'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db(transaction=True)
def test_old_days_go_with_all_that_is_in_them_and_no_younger_one(watch: Device) -> None:
    create_partitions(DAY)
    fixes = [NOON - timedelta(days=1), NOON, NOON + timedelta(hours=12), NOON + timedelta(days=1)]
    record_fixes(watch, [Fix(**PLACE, recorded_at=at) for at in fixes])
    today = partitions()
    assert drop_partitions(date(2001, 5, 6), NONE_KEPT) == 2
    assert times() == fixes[2:]
    assert today - partitions() == {"devices_locationtrack_20010504", "devices_locationtrack_20010505"}
    assert drop_partitions(date(2001, 5, 6), NONE_KEPT) == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_kept_stays_though_its_day_goes(watch: Device) -> None:
    create_partitions(DAY)
    fixes = [NOON + timedelta(minutes=n) for n in range(10)]
    record_fixes(watch, [Fix(**PLACE, recorded_at=at, speed=1.5) for at in fixes])
    before = list(LocationTrack.objects.order_by("recorded_at").values())
    twice = f"{kept(watch, fixes[3], fixes[5])} UNION ALL {kept(watch, fixes[4], fixes[6])}"
    assert drop_partitions(date(2001, 5, 6), twice) == 1 + 1
    assert list(LocationTrack.objects.order_by("recorded_at").values()) == before[3:7]
    assert thin_default(date(2001, 5, 6), twice) == 0
    assert create_partitions(DAY) == 2  # it takes them from DEFAULT again
    assert times() == fixes[3:7]


def test_of_a_wild_clock_only_what_is_old_and_not_kept_goes(watch: Device) -> None:
    wild = [datetime(year, 1, 1, tzinfo=UTC) for year in (1990, 1995, 2000, 2010)]
    record_fixes(watch, [Fix(**PLACE, recorded_at=at) for at in wild])
    assert thin_default(date(2005, 1, 1), kept(watch, wild[1], wild[1])) == 2
    assert times() == [wild[1], wild[3]]


def test_strays_are_found_behind_what_is_kept(watch: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions_module, "PORTION", 2)
    wild = [datetime(1990 + n, 1, 1, tzinfo=UTC) for n in range(7)]
    for at in wild:
        record_fix(watch, Fix(**PLACE, recorded_at=at))
    assert thin_default(date(2005, 1, 1), kept(watch, wild[3], wild[6])) == 3
    assert times() == wild[3:]


@pytest.mark.django_db(transaction=True)
def test_a_fix_that_somebody_else_deletes_is_not_waited_for(watch: Device) -> None:
    wild = [datetime(year, 1, 1, tzinfo=UTC) for year in (1990, 1995)]
    record_fixes(watch, [Fix(**PLACE, recorded_at=at) for at in wild])

    def thin() -> int:
        try:
            return thin_default(date(2005, 1, 1), NONE_KEPT)
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        LocationTrack.objects.filter(recorded_at=wild[0]).delete()
        assert pool.submit(thin).result(30) == 1
    assert times() == []


@pytest.mark.django_db(transaction=True)
def test_a_day_that_cannot_go_does_not_hold_up_the_others(watch: Device) -> None:
    create_partitions(DAY)
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW somebodys AS SELECT * FROM devices_locationtrack_20010504")
        try:
            assert drop_partitions(date(2001, 5, 6), NONE_KEPT) == 1
        finally:
            cursor.execute("DROP VIEW somebodys")
    assert drop_partitions(date(2001, 5, 6), NONE_KEPT) == 1


@pytest.mark.django_db(transaction=True)
def test_a_drop_that_is_broken_off_changes_nothing(watch: Device) -> None:
    create_partitions(DAY)
    record_fix(watch, Fix(**PLACE, recorded_at=NOON))
    with transaction.atomic():
        assert drop_partitions(date(2001, 5, 6), NONE_KEPT) == 2
        transaction.set_rollback(True)
    assert times() == [NOON]
    assert drop_partitions(date(2001, 5, 6), NONE_KEPT) == 2


@pytest.mark.django_db(transaction=True)
def test_two_at_once_drop_each_day_once_and_no_report_is_lost_meanwhile(watch: Device) -> None:
    create_partitions(DAY)
    record_fix(watch, Fix(**PLACE, recorded_at=NOON))
    base = datetime.now(UTC) - timedelta(hours=1)

    def work(turn: int) -> int:
        try:
            if turn % 10 == 0:
                return drop_partitions(date(2001, 6, 1), NONE_KEPT)
            record_fix(watch, Fix(**PLACE, recorded_at=base + timedelta(seconds=turn)))
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        dropped = sum(pool.map(work, range(50)))
    assert dropped + drop_partitions(date(2001, 6, 1), NONE_KEPT) == 9
    assert len(times()) == 45


@pytest.mark.django_db(transaction=True)
def test_who_holds_the_table_long_is_not_waited_for(watch: Device) -> None:
    create_partitions(DAY)

    def drop() -> int:
        try:
            return drop_partitions(date(2001, 6, 1), NONE_KEPT)
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        record_fix(watch, Fix(**PLACE))
        assert pool.submit(drop).result(30) == 0
    assert drop() == 9


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_old_days")
def test_a_new_day_is_made_the_next_time_when_devices_are_being_written_to(watch: Device) -> None:
    create_partitions(DAY)
    drop_partitions(DAY, NONE_KEPT)

    def create() -> int:
        try:
            return create_partitions(DAY)
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        record_fix(watch, Fix(**PLACE, recorded_at=NOON))
        assert pool.submit(create).result(30) == 0
    assert create() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_old_days")
def test_reports_of_the_very_day_that_is_made_are_not_lost(watch: Device) -> None:
    """DEFAULT is being written to when the day's partition comes late."""
    devices = [watch, *(register_device(watch.owner, f"other-{n}")[0] for n in range(3))]

    def work(turn: int) -> int:
        try:
            if turn % 20 == 10:
                return create_partitions(DAY)
            record_fix(devices[turn % 4], Fix(**PLACE, recorded_at=NOON + timedelta(seconds=turn)))
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        made = sum(pool.map(work, range(100)))
    assert made + create_partitions(DAY) == 9
    assert len(times()) == 95
    assert {partition_of(track) for track in LocationTrack.objects.all()} == {"devices_locationtrack_20010505"}
