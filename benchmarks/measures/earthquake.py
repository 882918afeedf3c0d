"""A whole town at once: 10,000 people press within a minute, among 20,000 helpers within 10 km.

Two web processes, two Celery workers, two sweeps; pressed and counted as `burst` does. 10,000 first waves want 80,000
helpers, so most phones ring for several events, as docs/dispatch.md allows where too few are left. What must not be is
counted when the last push has been handed over:

- a signal lost, or one that opened two events (`burst` counts it);
- a deadlock in PostgreSQL;
- a helper called twice by one event: two alerts, or more pushes than rings;
- a helper who comes to two emergencies;
- a claim that two have taken: somebody who was called to an open event, and whose one claim no event holds that called
  them.
"""

from collections.abc import Iterator

import psycopg

from simulator.standins.fcm import running_stand_in

from ..measured import Measured
from . import crowd
from .alerts import settings_for
from .burst import pressed_at_once
from .served import Service, served
from .triggers import press

PRESSES, SECONDS, HELPERS, WITHIN_M = 10_000, 60.0, 20_000, 10_000
SPREAD = 0.027  # degrees, as standard deviation: 3 km
CALLERS = 2
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_OPEN = "a.event_id IN (SELECT id FROM sos_sosevent WHERE closed_at IS NULL AND NOT is_drill)"
TWICE = {
    "called twice by one event": """
SELECT count(*) FROM (
    SELECT a.rings, count(n.id) AS pushes FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id
    JOIN notifications_notification n ON n.event_uid = e.uid AND n.user_id = a.helper_id
         AND n.kind = 'SOS_ALERT' AND n.channel = 'FCM'
    GROUP BY a.event_id, a.helper_id, a.rings HAVING count(n.id) > a.rings OR count(DISTINCT a.id) > 1) twice
""",
    "coming to two": f"""
SELECT count(*) FROM (SELECT a.helper_id FROM sos_helperalert a
    WHERE {_OPEN} AND a.status IN ('ACCEPTED', 'EN_ROUTE', 'ON_SCENE') GROUP BY a.helper_id HAVING count(*) > 1) twice
""",
    "called and claimed by nobody": f"""
SELECT count(DISTINCT a.helper_id) FROM sos_helperalert a
WHERE {_OPEN} AND a.status = 'NOTIFIED' AND a.rung_at > now() - interval '300 s' AND NOT EXISTS (
    SELECT FROM sos_helperclaim c JOIN sos_helperalert own ON own.event_id = c.event_id AND own.helper_id = c.helper_id
    WHERE c.helper_id = a.helper_id)
""",
}
"""What must be 0 of the helpers, each a query of one number."""


def measure(*, short: bool) -> Iterator[Measured]:
    del short  # there is no short form
    people = HELPERS * crowd.ON_DUTY_EVERY
    with (
        running_stand_in() as fcm,
        served("bench_earthquake", workers=2, calls=CALLERS, settings=settings_for(fcm)) as service,
    ):
        crowd.fill(service.database_url, 1, people)
        crowd.gather(service.database_url, within_m=WITHIN_M)
        wearers = [number for number in range(1, people + 1) if number % crowd.ON_DUTY_EVERY][:PRESSES]
        before = _ask(service, DEADLOCKS)
        yield from pressed_at_once(service, [press(number, SPREAD) for number in wearers], SECONDS)
        found = {name: _ask(service, query) for name, query in TWICE.items()}
        found["deadlocks"] = _ask(service, DEADLOCKS) - before
    if any(found.values()):
        raise RuntimeError(f"of {PRESSES:,} SOS: {', '.join(f'{name} {count}' for name, count in found.items())}")
    yield Measured(f"{PRESSES:,} SOS among {HELPERS:,} helpers: lost, deadlocks, called twice", 0, "")


def _ask(service: Service, query: str) -> int:
    with psycopg.connect(service.database_url) as database:
        row = database.execute(query).fetchone()
        assert row  # noqa: S101
        return int(row[0])
