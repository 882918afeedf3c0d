"""How many SOS signals a second two web processes take: POST /api/v1/sos/trigger/, each the first of its watch, so that
each opens an event; 16 connections. Nobody is called meanwhile.

Beside it pgbench makes the same rows under the same lock: an event, its signal, and last the journal's entry; 16
clients. And plain Django views (benchmarks/plain) make them in as many processes. They take turns, and each figure is
the median of its turns.
"""

import itertools
import json
import statistics
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import django
import psycopg

from ..load import Answers, load, post
from ..measured import Measured
from ..pgbench import transactions_per_second
from . import crowd
from .served import Service, more_web, served

PROCESSES, CONNECTIONS, CLIENTS, MOST_PER_SECOND = 2, 16, 16, 1500
PLAIN, PLAINLY = "benchmarks.plain", f"plain Django views, {PROCESSES} processes"
PGBENCH = "pgbench, 16 clients, the same rows under the same lock"
EVENT = """
INSERT INTO sos_sosevent (uid, user_id, device_id, device_uid_text, status, outcome, detected_type, detected_type_text,
    severity, occurred_at, received_at, position, position_at, told_position, altitude, location_source, location_age_s,
    signal_count, last_signal_at, plan, waves_called, wave_at, next_step_at, halted, handed_over_to, replacements_due,
    silent, is_drill)
SELECT gen_random_uuid(), {number}, {number}, 'w-' || {number}, 'NEW', '', 'FALL_DETECTED', '', 3, now(), now(), place,
    now(), place, 500, 'SIGNAL', 0, 1, now(), '{plan}', 0, now(), now(), '', '', 0, false, false
FROM (SELECT ST_SetSRID(ST_MakePoint(69.24, 41.31), 4326)::geography AS place) here RETURNING id
"""
_REST = """
INSERT INTO sos_signal (event_id, user_id, device_id, signal_uid, signal_hash, device_time, received_at, raw_payload,
    warnings)
VALUES (:id, :number, :number, '', '\\x5f', now(), now(), '{"sensor_data": "..."}', '{}');
SELECT pg_advisory_xact_lock(:lock);
INSERT INTO sos_journalentry (position, event_id, kind, status, at, actor_id, data)
VALUES (nextval('sos_journal_position'), :id, 'EVENT_OPENED', 'NEW', now(), :number, '{}');
END;
"""


def measure(*, short: bool) -> Iterator[Measured]:
    seconds, rounds = (4, 3) if short else (8, 5)
    people = MOST_PER_SECOND * (seconds * rounds + 2) * 2
    with served("bench_triggers", workers=PROCESSES) as service, more_web(service, PROCESSES, PLAIN) as plain:
        django.setup()
        crowd.fill(service.database_url, 1, people + CLIENTS * 100, helpers=False)
        presses = iter([press(number) for number in range(1, people + 1)])
        for web in (service, plain):
            trigger(web, _some(presses, 2), 2)  # the first connections
        turns, by_itself, plainly = [], [], []
        for _ in range(rounds):
            turns.append(trigger(service, _some(presses, seconds), seconds))
            by_itself.append(_by_pgbench(service, seconds, people))
            plainly.append(trigger(plain, _some(presses, seconds), seconds).per_second)
        per_second = statistics.median(turn.per_second for turn in turns)
        name = f"triggers, {PROCESSES} web processes"
        yield Measured(name, per_second, "/s", statistics.median(by_itself), PGBENCH, at_least=0.35)
        yield Measured(f"{name}, beside plain Django views", per_second, "/s", statistics.median(plainly), PLAINLY)
        yield Measured(f"{name}: 99 % within", statistics.median(turn.share_ms(0.99) for turn in turns), "ms")


def _some(presses: Iterator[bytes], seconds: int) -> list[bytes]:
    """As many as so many seconds can take at most, none of which was sent before."""
    return list(itertools.islice(presses, MOST_PER_SECOND * seconds))


def press(number: int, spread: float = 0.002) -> bytes:
    """As a watch says it, in the middle of Tashkent; `spread`: the standard deviation of its place, in degrees."""
    signal = {
        "device_uid": crowd.uid_of(number), "altitude": 500.0, "detected_type": "FALL_DETECTED", "severity": 3,
        "timestamp": datetime.now(UTC).isoformat(), "raw_payload": {"sensor_data": "..."},
    }  # fmt: skip
    where = crowd.position(crowd.TASHKENT, spread)
    return post("/api/v1/sos/trigger/", crowd.token_of(number), where | signal)


def trigger(service: Service, presses: Sequence[bytes], seconds: float) -> Answers:
    """Raises RuntimeError when not every press opened an event."""
    before = _events(service)
    answers = load(service.url, presses, CONNECTIONS, seconds=seconds)
    stored = answers.statuses[201]
    if stored != answers.statuses.total():
        raise RuntimeError(f"heard {dict(answers.statuses)}, such as {answers.odd!r}")
    if _events(service) - before != stored:
        raise RuntimeError(f"{stored} answers of 201, but {_events(service) - before} new events")
    return answers


def plan() -> dict[str, Any]:
    from apps.sos.rules.policy import plan_of, policy_of  # noqa: PLC0415 - after django.setup()

    return plan_of(policy_of("FALL_DETECTED"), 3)


def _by_pgbench(service: Service, seconds: int, people: int) -> float:
    from apps.sos.locks import JOURNAL  # noqa: PLC0415

    event = EVENT.format(number=":number", plan=json.dumps(plan())).strip()
    script = f"\\set number random(:first, :last)\nBEGIN;\n{event} \\gset\n{_REST}"
    return transactions_per_second(
        service.database_url,
        script,
        clients=CLIENTS,
        seconds=seconds,
        first=people + 1,
        last=people + CLIENTS * 100,
        lock=JOURNAL,
    )


def _events(service: Service) -> int:
    with psycopg.connect(service.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM sos_sosevent").fetchone()
        assert row  # noqa: S101
        return int(row[0])
