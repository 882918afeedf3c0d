"""Does a location report or a search take longer as the service grows? The database is filled in steps.

10,000, 100,000 and 1,000,000 people with a watch, every tenth a helper on duty, with 1,000,000 rows of tracks in the
last ten days; then 10,000,000. At each step: milliseconds of the whole machine per stored report (over 16 connections,
of watches drawn from all), and per search for the nearest 50 in Tashkent (its median). Each against the smallest.
"""

import random
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import django
import psycopg
from django.db import connection

from ..measured import Measured
from . import crowd, nearest
from .locations import report, reports
from .served import Service, served

STEPS = ((10_000, 1_000_000), (100_000, 1_000_000), (1_000_000, 1_000_000), (1_000_000, 10_000_000))
DAYS, PLACES, WATCHES = 10, 60, 50_000
ROUNDS, SECONDS = 5, 6
CONNECTIONS = 16
_TRACKS = """
INSERT INTO devices_locationtrack (device_id, recorded_at, received_at, position, speed, direction, battery_level)
SELECT d.id, at, at, d.position, 1.4, 90, 81
FROM generate_series(0, %(days)s - 1) day CROSS JOIN generate_series(1, %(each)s) turn
CROSS JOIN LATERAL (SELECT now() - make_interval(days => day, mins => turn) AS at) t
CROSS JOIN devices_device d WHERE d.id <= %(devices)s
"""


def measure(*, short: bool) -> Iterator[Measured]:
    del short  # there is no short form
    with served("bench_growth") as service:
        django.setup()
        _make_past_partitions()
        people = tracks = 0
        smallest: list[float | None] = [None, None]
        for wanted_people, wanted_tracks in STEPS:
            _grow(service, people, wanted_people, wanted_tracks - tracks)
            people, tracks = wanted_people, wanted_tracks
            times_ms = [_ms_per_report(service, people), _ms_per_search()]
            size = f"{people:,} devices and {tracks:,} track rows"
            for value, least, what in zip(times_ms, smallest, ("location report", "search"), strict=True):
                yield Measured(f"{what} with {size}", value, "ms", least, "the smallest", at_most=1.3)
            smallest = [*times_ms] if smallest[0] is None else smallest
        connection.close()


def _make_past_partitions() -> None:
    from apps.devices.rules.partitions import create_partitions  # noqa: PLC0415 - after django.setup()

    create_partitions(datetime.now(UTC).date() - timedelta(days=DAYS - 1))


def _grow(service: Service, before: int, people: int, tracks: int) -> None:
    if people > before:
        crowd.fill(service.database_url, before + 1, people)
    if not before:
        nearest.open_events(PLACES, cities=False)
    devices = min(people, tracks // DAYS)
    with psycopg.connect(service.database_url, autocommit=True) as database:
        database.execute("SET session_replication_role = replica")
        if devices:
            database.execute(_TRACKS, {"days": DAYS, "each": tracks // DAYS // devices, "devices": devices})
        database.execute("VACUUM (ANALYZE)")
        database.execute("CHECKPOINT")


def _ms_per_report(service: Service, people: int) -> float:
    requests = reports(random.sample(range(1, people + 1), min(people, WATCHES)))
    report(service, requests, CONNECTIONS, SECONDS)
    return statistics.median(1000 / report(service, requests, CONNECTIONS, SECONDS).per_second for _ in range(ROUNDS))


def _ms_per_search() -> float:
    from apps.sos.models import SosEvent  # noqa: PLC0415

    events = list(SosEvent.objects.all())
    for _ in range(2):  # the first round only warms up
        took = [nearest.ms_of(nearest.nearest, event) for event in events]
    return statistics.median(took)
