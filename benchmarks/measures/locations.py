"""How many locations a second are stored: POST /api/v1/devices/{uid}/location/, each 201 after its commit.

10,000 watches with their own tokens report to one web process over 16 and over 128 connections that are kept alive, and
to two over 64; and the same 10,000 to one by their owners' access tokens. Beside it pgbench does the same to the same
tables: one row inserted and one moved per commit, 16 clients. And plain Django views (benchmarks/plain) do it in as
many processes and over as many connections. They take turns, and each figure is the median of its turns: the machine
is never the same twice. Before each round every watch reports once: whoever has not done so lately waits in a queue
that is shorter than 128.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence

import django
import psycopg

from ..load import Answers, load, post
from ..measured import Measured
from ..pgbench import transactions_per_second
from . import crowd
from .served import Service, more_web, served

DEVICES, CLIENTS = 10_000, 16
FEW, MANY, BOTH = "16 connections", "128 connections", "64 connections, 2 web processes"
CONNECTIONS = {FEW: 16, MANY: 128, BOTH: 64}
AIMS = {FEW: 1.0, MANY: 1.0, BOTH: 0.8}
PLAIN, PLAINLY = "benchmarks.plain", "plain Django views, as many processes"
PGBENCH = "pgbench, 16 clients, the same insert and update"
# As apps/devices/rules/recording.py does it, for one watch.
ONE_ROW = """
\\set device random(:first, :last)
\\set east random(0, 500000)
WITH moved AS (
    UPDATE devices_device SET is_online = true, last_seen_at = statement_timestamp(),
        position = ST_SetSRID(ST_MakePoint(69 + :east / 1e6, 41.3), 4326)::geography,
        position_at = statement_timestamp(), battery_level = 81, battery_at = statement_timestamp()
    WHERE id = :device RETURNING id, position
)
INSERT INTO devices_locationtrack (device_id, recorded_at, received_at, position, speed, direction, battery_level)
SELECT id, statement_timestamp(), statement_timestamp(), position, 1.4, 90, 81 FROM moved;
"""


def measure(*, short: bool) -> Iterator[Measured]:
    seconds = 3 if short else 8
    with (
        served("bench_locations") as one,
        more_web(one, 2) as two,
        more_web(one, 1, PLAIN) as plain_one,
        more_web(one, 2, PLAIN) as plain_two,
    ):
        django.setup()
        crowd.fill(one.database_url, 1, DEVICES, helpers=False)
        webs, plain_webs = {FEW: one, MANY: one, BOTH: two}, {FEW: plain_one, BOTH: plain_two}
        by_device = reports(range(1, DEVICES + 1))
        for web in (two, plain_one, plain_two):
            report(web, by_device, 16, 1)  # the first connections and prepared statements
        turns, plain_turns = (defaultdict[str, list[Answers]](list) for _ in range(2))
        by_itself = []
        for _ in range(3 if short else 5):
            load(one.url, by_device, 16, count=DEVICES)
            for name, connections in CONNECTIONS.items():
                turns[name].append(report(webs[name], by_device, connections, seconds))
            for name, web in plain_webs.items():
                plain_turns[name].append(report(web, by_device, CONNECTIONS[name], seconds))
            by_itself.append(_by_pgbench(one, seconds))
        yardstick = statistics.median(by_itself)
        for name in CONNECTIONS:
            yield from _compared(name, turns[name], yardstick, plain_turns[name])
        by_owner = _reports_by_owners()
        report(one, by_owner, 16, 2)  # each token is checked once
        turn = report(one, by_owner, 16, seconds)
        yield Measured(f"locations by access tokens over {FEW}", turn.per_second, "/s", yardstick, PGBENCH)


def _compared(over: str, turns: Sequence[Answers], yardstick: float, plain: Sequence[Answers]) -> Iterator[Measured]:
    name = f"locations over {over}"
    yield Measured(name, _per_second(turns), "/s", yardstick, PGBENCH, at_least=AIMS[over])
    if plain:
        yield Measured(f"{name}, beside plain Django views", _per_second(turns), "/s", _per_second(plain), PLAINLY)
    yield Measured(f"{name}: 99 % within", _within(turns, 0.99), "ms")


def reports(numbers: Sequence[int]) -> list[bytes]:
    """A request of each watch, by its own token."""
    return [_report(number, crowd.token_of(number)) for number in numbers]


def report(service: Service, requests: Sequence[bytes], connections: int, seconds: float) -> Answers:
    """Raises RuntimeError when not everything was stored, each report as a row."""
    newest = _ask(service, "SELECT coalesce(max(id), 0) FROM devices_locationtrack")
    answers = load(service.url, requests, connections, seconds=seconds)
    stored = answers.statuses[201]
    if stored != answers.statuses.total():
        raise RuntimeError(f"heard {dict(answers.statuses)}, such as {answers.odd!r}")
    rows = _ask(service, "SELECT count(*) FROM devices_locationtrack WHERE id > %s", newest)
    if rows != stored:
        raise RuntimeError(f"{stored} answers of 201, but {rows} new rows")
    return answers


def _reports_by_owners() -> list[bytes]:
    from apps.users.models import User  # noqa: PLC0415 - after django.setup()
    from apps.users.rules.tokens import AccessToken  # noqa: PLC0415

    owners = User.objects.filter(pk__lte=DEVICES)
    return [_report(owner.pk, str(AccessToken.for_user(owner))) for owner in owners]


def _report(number: int, token: str) -> bytes:
    readings = {"speed": 1.4, "direction": 90, "battery_level": 81}
    path = f"/api/v1/devices/{crowd.uid_of(number)}/location/"
    return post(path, token, crowd.position(crowd.TASHKENT, crowd.TASHKENT_SPREAD) | readings)


def _by_pgbench(service: Service, seconds: int) -> float:
    return transactions_per_second(
        service.database_url, ONE_ROW, clients=CLIENTS, seconds=seconds, first=1, last=DEVICES
    )


def _per_second(turns: Sequence[Answers]) -> float:
    return statistics.median(turn.per_second for turn in turns)


def _within(turns: Sequence[Answers], share: float) -> float:
    return statistics.median(turn.share_ms(share) for turn in turns)


def _ask(service: Service, question: str, *values: int) -> int:
    with psycopg.connect(service.database_url) as connection:
        row = connection.execute(question, values).fetchone()
        assert row  # noqa: S101
        return int(row[0])
