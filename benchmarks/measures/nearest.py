"""How long it takes to find the nearest 50 of 100,000 helpers on duty, among 1,000,000 people with a watch.

First only helpers on duty have a helper's position; then all 1,000,000 have one, nine in ten of them off duty.
At places in Tashkent and in eight other cities, 10 km around, four are asked in turn: `nearest_helpers` as a wave asks
(fresh, online, reachable, not blocked, not busy, not in need themselves; some are); the index alone (`<->`, on call,
online and fresh); the same as one would write it first (`ST_DWithin`, ordered by `ST_Distance`); and Redis, which has
those on duty and nobody else. Each over one connection, as the service has it; medians.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import django
import redis
from django.db import connection

from ..measured import Measured
from . import crowd
from .served import served

PEOPLE, WANTED, RADIUS_M = 1_000_000, 50, 10_000
PLAIN, REDIS = "ST_DWithin … ORDER BY ST_Distance", "GEOSEARCH among those on duty"
BUSY_EVENTS, CALLED = 500, 8
_PLACE = "ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography"
_INDEX = f"""
SELECT h.user_id, ST_Distance(h.position, {_PLACE}) FROM devices_helperposition h
WHERE h.on_call AND h.recorded_at > now() - interval '1 hour'
  AND (SELECT d.is_online FROM devices_device d WHERE d.id = h.device_id)
ORDER BY h.position <-> {_PLACE} LIMIT {WANTED}
"""
_PLAIN = f"""
SELECT h.user_id, ST_Distance(h.position, {_PLACE}) AS far
FROM devices_helperposition h JOIN users_user u ON u.id = h.user_id JOIN devices_device d ON d.id = h.device_id
WHERE ST_DWithin(h.position, {_PLACE}, {RADIUS_M}) AND h.recorded_at > now() - interval '1 hour'
  AND u.role = 'HELPER' AND u.status = 'ACTIVE' AND u.on_duty AND d.is_online
ORDER BY far LIMIT {WANTED}
"""
_ON_DUTY = """
SELECT h.user_id, ST_X(h.position::geometry), ST_Y(h.position::geometry)
FROM devices_helperposition h JOIN users_user u ON u.id = h.user_id AND u.on_duty
"""
Search = Callable[[Any], Sequence[Any]]


def measure(*, short: bool) -> Iterator[Measured]:
    with served("bench_nearest") as service:
        django.setup()
        crowd.fill(service.database_url, 1, PEOPLE, tokens=False)
        events = open_events(50 if short else 200)
        keep_busy(PEOPLE)
        with redis.Redis.from_url(service.redis_url) as client:
            _tell(client)
            searches = {
                "service": nearest, "index": _by(_INDEX), "plain": _by(_PLAIN), "redis": _geosearch(client)
            }  # fmt: skip
            on_duty = f"{PEOPLE // crowd.ON_DUTY_EVERY:,} on duty"
            yield from _compared(f"nearest {WANTED} of {on_duty}", searches, events)
            crowd.place_others(service.database_url, 1, PEOPLE)
            yield from _compared(f"nearest {WANTED} of {on_duty} among {PEOPLE:,}", searches, events)
        connection.close()


def _compared(name: str, searches: dict[str, Search], events: Sequence[Any]) -> Iterator[Measured]:
    took = _took(searches, events)
    yield Measured(f"{name}, beside plain SQL", took["service"], "ms", took["plain"], PLAIN, at_most=1 / 50)
    yield Measured(f"{name}, beside Redis", took["service"], "ms", took["redis"], REDIS, at_most=1 / 2)
    yield Measured(f"{name}, beside the index alone", took["service"], "ms", took["index"], "<->", at_most=1.5)


def nearest(event: Any) -> Sequence[Any]:
    """As the service searches."""
    from apps.sos.rules.search import nearest_helpers  # noqa: PLC0415 - after django.setup()

    return nearest_helpers(event, RADIUS_M, WANTED)


def open_events(count: int, *, cities: bool = True) -> list[Any]:
    """An open event at each of so many places: half of them in Tashkent, the rest in other `cities`."""
    from django.contrib.gis.geos import Point  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from apps.sos.models import SosEvent  # noqa: PLC0415
    from apps.sos.rules.policy import plan_of, policy_of  # noqa: PLC0415

    now, plan = timezone.now(), plan_of(policy_of("FALL_DETECTED"), 3)
    random.seed(7)
    places = [_place(n if cities else 0) for n in range(count)]
    return SosEvent.objects.bulk_create(
        SosEvent(
            user_id=n + 1, detected_type="FALL_DETECTED", severity=3, occurred_at=now, received_at=now,
            position=Point(place["lon"], place["lat"]), position_at=now, location_source="SIGNAL", last_signal_at=now,
            plan=plan, wave_at=now, next_step_at=now + timedelta(days=1),
        )
        for n, place in enumerate(places)
    )  # fmt: skip


CLAIMED = """
UPDATE sos_helperclaim c
SET event_id = a.event_id, rank = 1000,
    until = CASE WHEN a.status = 'ACCEPTED' THEN 'infinity' ELSE clock_timestamp() + interval '300 s' END
FROM sos_helperalert a WHERE a.helper_id = c.helper_id
"""


def keep_busy(people: int) -> None:
    """Other events have called or busied some of those on duty, and some are not wanted by whom it happened to."""
    from django.utils import timezone  # noqa: PLC0415

    from apps.sos.models import HelperAlert  # noqa: PLC0415
    from apps.users.models import BlockedHelper  # noqa: PLC0415

    now, events = timezone.now(), open_events(BUSY_EVENTS)
    on_duty = random.sample(range(crowd.ON_DUTY_EVERY, people + 1, crowd.ON_DUTY_EVERY), BUSY_EVENTS * CALLED)
    HelperAlert.objects.bulk_create(
        HelperAlert(
            event=events[n // CALLED], helper_id=helper, wave=1, rung_at=now, created_at=now,
            status="NOTIFIED" if n % 4 else "ACCEPTED",
        )
        for n, helper in enumerate(on_duty)
    )  # fmt: skip
    BlockedHelper.objects.bulk_create(
        BlockedHelper(owner_id=n % BUSY_EVENTS + 1, helper_id=helper) for n, helper in enumerate(on_duty)
    )
    with connection.cursor() as cursor:
        cursor.execute(CLAIMED)
        cursor.execute("ANALYZE")


def ms_of(search: Search, event: Any) -> float:
    """How long it takes. Raises RuntimeError when it does not find as many as there are."""
    began = time.perf_counter()
    helpers = search(event)
    took = time.perf_counter() - began
    if len(helpers) != WANTED:
        raise RuntimeError(f"{len(helpers)} found at {event.lat}, {event.lon}")
    return took * 1000


def _took(searches: dict[str, Search], events: Sequence[Any]) -> dict[str, float]:
    """Medians; the first round only warms up."""
    for warm in (True, False):
        took: dict[str, list[float]] = {name: [] for name in searches}
        for event in events[: 5 if warm else None]:
            for name, search in searches.items():
                took[name].append(ms_of(search, event))
    return {name: statistics.median(some) for name, some in took.items()}


def _by(sql: str) -> Search:
    def search(event: Any) -> Sequence[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"lat": event.lat, "lon": event.lon})
            rows: list[Any] = cursor.fetchall()
            return rows

    return search


def _tell(client: "redis.Redis") -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ON_DUTY)
        while some := cursor.fetchmany(10_000):
            client.geoadd("on duty", [word for user_id, lon, lat in some for word in (lon, lat, user_id)])


def _geosearch(client: "redis.Redis") -> Search:
    def search(event: Any) -> Sequence[Any]:
        return client.geosearch(
            "on duty", longitude=event.lon, latitude=event.lat, radius=RADIUS_M, unit="m", sort="ASC", count=WANTED,
            withdist=True,
        )  # fmt: skip

    return search


def _place(number: int) -> dict[str, float]:
    """Not far out of a city, where there are enough."""
    if number % 2 == 0:
        return crowd.position(crowd.TASHKENT, crowd.TASHKENT_SPREAD / 2)
    return crowd.position(crowd.CITIES[number // 2 % len(crowd.CITIES)], crowd.CITY_SPREAD / 4)
