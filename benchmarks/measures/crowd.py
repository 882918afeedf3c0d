"""People with a watch each, spread over Uzbekistan as people are: four in ten in Tashkent, three in other cities.

By SQL, since a million by the models takes many minutes. A person and their watch, which is established, have the same
key.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

Database = psycopg.Connection[tuple[Any, ...]]

TASHKENT = (41.311, 69.240)
CITIES = [
    (39.654, 66.960), (39.775, 64.429), (40.998, 71.673), (40.783, 72.344),
    (40.384, 71.784), (42.461, 59.616), (41.550, 60.631), (38.861, 65.789),
]  # fmt: skip
SOUTH, NORTH, WEST, EAST = 37.2, 45.6, 56.0, 73.1
TASHKENT_SPREAD, CITY_SPREAD = 0.09, 0.045  # standard deviations, in degrees of latitude: 10 and 5 km
NARROWER = 0.75  # a degree of latitude in degrees of longitude, inverted
ON_DUTY_EVERY = 10
TOKEN = "mdd_device_bench-{}"  # noqa: S105 - no secret here

_PEOPLE = """
INSERT INTO users_user (id, uuid, phone_number, full_name, role, status, language, on_duty, wants_to_help,
                        is_superuser, password, created_at)
SELECT n, gen_random_uuid(), '+998' || 100000000 + n, 'Person ' || n,
       CASE WHEN n %% %(on_duty_every)s = 0 THEN 'HELPER' ELSE 'USER' END, 'ACTIVE', 'ru',
       n %% %(on_duty_every)s = 0, false, false, '!', now()
FROM generate_series(%(first)s::bigint, %(last)s) n
"""
_CLAIMS = """
INSERT INTO sos_helperclaim (helper_id)
SELECT id FROM users_user WHERE role = 'HELPER' AND id BETWEEN %(first)s AND %(last)s
"""  # which a trigger makes, as it does the positions' rows, and triggers are off
_WATCHES = """
INSERT INTO devices_device (id, uuid, device_uid, owner_id, model, wearer_name, medical_note, address_note,
                            last_seen_via, is_online, last_seen_at, days_seen, position, position_at, created_at)
SELECT n, gen_random_uuid(), 'w-' || n, n, 'Bench 1', '', '', '', '', true, now(), 3,
       ST_SetSRID(ST_MakePoint(
           CASE WHEN share < 4 THEN %(tashkent_lon)s + %(tashkent_spread)s / %(narrower)s * far * sin(towards)
                WHEN share < 7 THEN city_lon + %(city_spread)s / %(narrower)s * far * sin(towards)
                ELSE %(west)s + (%(east)s - %(west)s) * towards / (2 * pi()) END,
           CASE WHEN share < 4 THEN %(tashkent_lat)s + %(tashkent_spread)s * far * cos(towards)
                WHEN share < 7 THEN city_lat + %(city_spread)s * far * cos(towards)
                ELSE %(south)s + (%(north)s - %(south)s) * exp(-far * far / 2) END), 4326)::geography,
       now() - random() * interval '10 minutes', now()
FROM (
    SELECT n, n / 10 %% 10 AS share, sqrt(-2 * ln(1 - random())) AS far, random() * 2 * pi() AS towards,
           (%(city_lats)s::float8[])[1 + n / 100 %% 8] AS city_lat,
           (%(city_lons)s::float8[])[1 + n / 100 %% 8] AS city_lon
    FROM generate_series(%(first)s::bigint, %(last)s) n
) placed
"""
_TOKENS = """
INSERT INTO devices_devicetoken (device_id, digest, created_at, last_used_at)
SELECT n, encode(sha256(format(%(token)s, n)::bytea), 'hex'), now(), now()
FROM generate_series(%(first)s::bigint, %(last)s) n
"""
_POSITIONS = """
INSERT INTO devices_helperposition (user_id, device_id, position, recorded_at, on_call)
SELECT d.id, d.id, d.position, d.position_at, u.on_duty
FROM devices_device d JOIN users_user u ON u.id = d.owner_id AND u.on_duty = %(on_duty)s
WHERE d.id BETWEEN %(first)s AND %(last)s
"""
_PHONES = """
INSERT INTO notifications_pushtoken (user_id, token, platform, created_at, refreshed_at)
SELECT id, 'bench-' || id, 'ANDROID', now(), now() FROM users_user
WHERE id BETWEEN %(first)s AND %(last)s AND on_duty
"""
# Made anew once the rows are there: as each row comes they take twice as long. A constraint has its index by itself.
_INDEXES = """
SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX %%s', indexrelid::regclass)
            ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', indrelid::regclass, conname) END,
       CASE WHEN conname IS NULL THEN pg_get_indexdef(indexrelid)
            ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', indrelid::regclass, conname,
                        pg_get_constraintdef(c.oid)) END
FROM pg_index LEFT JOIN pg_constraint c ON c.conindid = indexrelid AND contype = 'u'
WHERE indrelid = %s::regclass AND NOT indisprimary
"""
_NUMBERED = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"


def fill(database_url: str, first: int, last: int, *, helpers: bool = True, tokens: bool = True) -> None:
    """People number `first` to `last`: every tenth a helper on duty, or nobody. `tokens`: of their devices."""
    values: dict[str, Any] = {
        "first": first, "last": last, "on_duty_every": ON_DUTY_EVERY if helpers else 2**40, "on_duty": True,
        "token": TOKEN.replace("{}", "%s"),
        "tashkent_lat": TASHKENT[0], "tashkent_lon": TASHKENT[1], "tashkent_spread": TASHKENT_SPREAD,
        "city_spread": CITY_SPREAD, "city_lats": [lat for lat, _ in CITIES], "city_lons": [lon for _, lon in CITIES],
        "south": SOUTH, "north": NORTH, "west": WEST, "east": EAST, "narrower": NARROWER,
    }  # fmt: skip
    statements = {
        "users_user": _PEOPLE, "sos_helperclaim": _CLAIMS, "devices_device": _WATCHES,
        "devices_helperposition": _POSITIONS, "notifications_pushtoken": _PHONES,
    }  # fmt: skip
    if tokens:
        statements["devices_devicetoken"] = _TOKENS
    with _filling(database_url) as database:
        database.execute("SELECT setseed(0.5)")
        for table, statement in statements.items():
            with _without_indexes(database, table):
                database.execute(statement, values)
        for numbered in ("users_user", "devices_device"):
            database.execute(_NUMBERED, [numbered, last])


def place_others(database_url: str, first: int, last: int) -> None:
    """Those not on duty have a helper's position too, as they keep it who once were."""
    with _filling(database_url) as database, _without_indexes(database, "devices_helperposition"):
        database.execute(_POSITIONS, {"first": first, "last": last, "on_duty": False})


def gather(database_url: str, within_m: int) -> None:
    """All helpers stand in the middle of Tashkent, where anybody's first wave finds them."""
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(
            "UPDATE devices_helperposition SET recorded_at = now(), position = ST_Project("
            "ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography, sqrt(random()) * %s, random() * 2 * pi())",
            [TASHKENT[1], TASHKENT[0], within_m],
        )
        database.execute("VACUUM (ANALYZE) devices_helperposition")


@contextmanager
def _filling(database_url: str) -> Iterator[Database]:
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("SET session_replication_role = replica")  # no foreign key is looked up a million times
        database.execute("SET maintenance_work_mem = '512MB'")
        yield database
        database.execute("VACUUM (ANALYZE)")


@contextmanager
def _without_indexes(database: Database, table: str) -> Iterator[None]:
    indexes = database.execute(_INDEXES, [table]).fetchall()
    for drop, _ in indexes:
        database.execute(drop)
    yield
    for _, make in indexes:
        database.execute(make)


def token_of(number: int) -> str:
    return TOKEN.format(number)


def uid_of(number: int) -> str:
    return f"w-{number}"


def position(lat_lon: tuple[float, float], spread: float) -> dict[str, float]:
    """Somewhere near, as a device tells it."""
    lat = random.gauss(lat_lon[0], spread)
    return {"lat": round(lat, 6), "lon": round(random.gauss(lat_lon[1], spread / NARROWER), 6)}
