"""Does an attack take helpers, or time, from those in need?

20 people whose watches are established press within seven seconds, over a town of 2,000 helpers within 5 km: alone;
then in the midst of 600 triggers in ten seconds over the same town, by one account with 50 invented watches (as many
as it may have) that press again and again; then of 600 by 60 new accounts with ten watches each. Each trigger is sent
until it is stored. The places and the helpers are the same in each turn, and nobody is called when it begins.

Counted are those whom the first waves of the 20 called, and how many of these were called without the attack too; and
the time from the press until the first wave was decided, of the slowest of the 20: of so few that stands for 99 %. And
how many of the attack's events called helpers at once, beside the three that docs/dispatch.md grants each account. Two
web processes, the worker and the sweep; medians of the turns.
"""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context

import django
import psycopg
from django.db import connection

from simulator.standins.fcm import running_stand_in

from ..load import post
from ..measured import Measured
from . import crowd
from .alerts import CLOSE, settings_for
from .burst import Burst, press_evenly
from .served import Service, served

HONEST, HONEST_S, ATTACKS, ATTACK_S, BEFORE_S = 20, 7.0, 600, 10.0, 2.0
PEOPLE, WITHIN_M, SPREAD = 20_000, 5000, 0.015  # SPREAD: degrees, as standard deviation: 1.7 km
ACCOUNTS = {"one account": (1, 50), "60 new accounts": (60, 10)}
"""The attackers: how many, and the watches of each."""
PATIENCE_S = 120.0
ALONE = "without the attack"
AT_ONCE = 3  # events of an account without an established watch that call helpers at once
_INVENTED = """
UPDATE devices_device SET owner_id = %(first)s + (id - %(first)s) / %(each)s, days_seen = 0
WHERE id BETWEEN %(first)s AND %(last)s
"""
_FREE = "UPDATE sos_helperclaim SET event_id = NULL, is_drill = false, rank = 0, until = '-infinity'"
_UNDECIDED = "SELECT count(*) FROM sos_sosevent WHERE closed_at IS NULL AND waves_called = 0 AND wave_at < now()"
_BELIEVED = "SELECT count(*) FROM sos_sosevent WHERE closed_at IS NULL AND device_id > %s AND doubted_until IS NULL"
_FIRST_WAVES = """
SELECT e.device_id, extract(epoch FROM j.at), ARRAY(SELECT jsonb_object_keys(j.data -> 'helpers'))
FROM sos_sosevent e JOIN sos_journalentry j ON j.event_id = e.id AND j.kind = 'WAVE_CALLED'
WHERE e.closed_at IS NULL AND e.device_id <= %s AND j.data ->> 'wave' = '1' AND NOT j.data ? 'replaces'
"""


@dataclass(frozen=True)
class Turn:
    """called: by event's watch, whom its first wave called. slowest_s: from a press until that was decided, at most.

    believed: how many events of the attack call helpers at once.
    """

    called: dict[int, frozenset[str]]
    slowest_s: float
    believed: int = 0

    def share_of(self, alone: "Turn") -> float:
        """How many of those called alone are called here too, from 0 to 1."""
        both = sum(len(called & self.called[watch]) for watch, called in alone.called.items())
        return both / sum(map(len, alone.called.values()))


def measure(*, short: bool) -> Iterator[Measured]:
    with (
        running_stand_in() as fcm,
        served("bench_attack", workers=2, calls=1, settings=settings_for(fcm)) as service,
        ProcessPoolExecutor(2, get_context("spawn")) as processes,
    ):
        django.setup()
        crowd.fill(service.database_url, 1, PEOPLE)
        crowd.gather(service.database_url, WITHIN_M)
        attackers = _attackers(service)
        town = _Town(service, processes)
        town.turn([], 1.0)  # the first connections
        alone: list[Turn] = []
        beside: dict[str, list[Turn]] = {name: [] for name in ACCOUNTS}
        for _ in range(1 if short else 3):
            alone.append(town.turn([]))
            for name, watches in attackers.items():
                beside[name].append(town.turn(watches))
        for name, turns in beside.items():
            yield from _compared(f"{HONEST} SOS beside {ATTACKS} of {name}", turns, alone)
            believed, granted = statistics.median(turn.believed for turn in turns), ACCOUNTS[name][0] * AT_ONCE
            what = f"{ATTACKS} of {name}: events that call at once"
            yield Measured(what, believed, "", granted, f"{AT_ONCE} an account", at_most=1)


def _compared(name: str, turns: Sequence[Turn], alone: Sequence[Turn]) -> Iterator[Measured]:
    share = statistics.median(turn.share_of(without) for turn, without in zip(turns, alone, strict=True))
    slowest_ms, usual_ms = (statistics.median(turn.slowest_s * 1000 for turn in some) for some in (turns, alone))
    yield Measured(f"{name}: the same helpers", share, "", 1.0, ALONE, at_least=0.9)
    yield Measured(f"{name}: slowest first wave decided", slowest_ms, "ms", usual_ms, ALONE, at_most=1.2)


def _attackers(service: Service) -> dict[str, list[tuple[int, str]]]:
    """Makes them, after everybody else: the number of each watch, and its owner's access token."""
    from apps.users.models import User  # noqa: PLC0415 - after django.setup()
    from apps.users.rules.tokens import AccessToken  # noqa: PLC0415

    first, made = PEOPLE + 1, {}
    for name, (accounts, each) in ACCOUNTS.items():
        last = first + accounts * each - 1
        crowd.fill(service.database_url, first, last, helpers=False, tokens=False)
        with psycopg.connect(service.database_url) as database:
            database.execute(_INVENTED, {"first": first, "last": last, "each": each})
        owners = User.objects.filter(pk__range=(first, first + accounts - 1)).order_by("pk")
        tokens = [str(AccessToken.for_user(owner)) for owner in owners]
        made[name] = [(number, tokens[(number - first) // each]) for number in range(first, last + 1)]
        first = last + 1
    connection.close()
    return made


class _Town:
    """Where the 20 are is the same in each turn; the attackers are anywhere."""

    def __init__(self, service: Service, processes: ProcessPoolExecutor) -> None:
        random.seed(7)
        self._service, self._processes = service, processes
        self._wearers = [n for n in range(1, HONEST * crowd.ON_DUTY_EVERY) if n % crowd.ON_DUTY_EVERY][:HONEST]
        self._places = {number: crowd.position(crowd.TASHKENT, SPREAD) for number in self._wearers}

    def turn(self, watches: Sequence[tuple[int, str]], seconds: float = HONEST_S) -> Turn:
        """The 20 press in so many seconds, beside the attack of these watches if there are any; then all is over.

        Raises RuntimeError when one of the 20 called nobody, TimeoutError when first waves are not decided.
        """
        attack = self._attack(watches) if watches else None
        requests = [_press(number, crowd.token_of(number), self._places[number]) for number in self._wearers]
        honest = self._processes.submit(press_evenly, self._service.url, requests, seconds).result(PATIENCE_S)
        if attack:
            attack.result(PATIENCE_S)
        with psycopg.connect(self._service.database_url, autocommit=True) as database:
            _wait(database)
            turn = self._seen(database, honest, seconds / HONEST)
            database.execute(CLOSE)
            database.execute(_FREE)
        return turn

    def _attack(self, watches: Sequence[tuple[int, str]]) -> Future[Burst]:
        """It has begun two seconds ago."""
        turns = [watches[n % len(watches)] for n in range(ATTACKS)]
        requests = [_press(number, token, crowd.position(crowd.TASHKENT, SPREAD)) for number, token in turns]
        attack = self._processes.submit(press_evenly, self._service.url, requests, ATTACK_S)
        time.sleep(BEFORE_S)
        return attack

    def _seen(self, database: crowd.Database, honest: Burst, apart_s: float) -> Turn:
        sent = {number: honest.began_at + n * apart_s for n, number in enumerate(self._wearers)}
        waves = database.execute(_FIRST_WAVES, [max(self._wearers)]).fetchall()
        called = {watch: frozenset(helpers) for watch, _, helpers in waves}
        if called.keys() != sent.keys() or not all(called.values()):
            raise RuntimeError(f"{len(sent)} pressed, {len(called)} had a first wave")
        ((believed,),) = database.execute(_BELIEVED, [PEOPLE]).fetchall()
        return Turn(called, max(float(at) - sent[watch] for watch, at, _ in waves), int(believed))


def _press(number: int, token: str, place: dict[str, float]) -> bytes:
    signal = {"device_uid": crowd.uid_of(number), "detected_type": "FALL_DETECTED", "severity": 3}
    return post("/api/v1/sos/trigger/", token, signal | place | {"timestamp": datetime.now(UTC).isoformat()})


def _wait(database: crowd.Database) -> None:
    """Until every first wave whose time has come is decided. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while database.execute(_UNDECIDED).fetchone() != (0,):
        if time.monotonic() > end:
            raise TimeoutError(_UNDECIDED)
        time.sleep(0.1)
