"""How soon help came, step by step, from the journal and the log of messages."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

STEPS = ("first_push", "first_receipt", "first_accept", "first_on_scene")
FIGURES = ("count", "median_s", "p90_s", "p95_s")

# Seconds count from when helpers were to be called: the end of a countdown, else the signal's arrival.
_TIMES = """
WITH events AS (
    SELECT e.id, e.uid, coalesce(e.unconfirmed_until, e.received_at) AS began,
           (e.received_at AT TIME ZONE %(zone)s)::date AS day
    FROM sos_sosevent e
    WHERE e.received_at >= %(since)s AND e.received_at < %(until)s
      AND e.detected_type <> 'TEST' AND NOT e.is_drill
), reached AS (
    SELECT n.event_uid, min(c.at) FILTER (WHERE c.state = 'SENT') AS pushed,
           min(c.at) FILTER (WHERE c.state IN ('RECEIVED', 'READ')) AS received
    FROM notifications_notification n
    JOIN notifications_notificationchange c ON c.notification_id = n.id
    WHERE n.kind = 'SOS_ALERT' AND n.event_uid IN (SELECT uid FROM events)
    GROUP BY 1
), came AS (
    SELECT j.event_id, min(j.at) FILTER (WHERE j.kind = 'HELPER_ACCEPTED') AS accepted,
           min(j.at) FILTER (WHERE j.kind = 'HELPER_ON_SCENE') AS there
    FROM sos_journalentry j
    WHERE j.event_id IN (SELECT id FROM events)
    GROUP BY 1
), times AS (
    SELECT events.day, events.id, steps.name, CASE WHEN steps.at IS NOT NULL
           THEN greatest(0, extract(epoch FROM steps.at - events.began)) END AS seconds
    FROM events LEFT JOIN reached ON reached.event_uid = events.uid LEFT JOIN came ON came.event_id = events.id,
    LATERAL (VALUES ('first_push', coalesce(reached.pushed, reached.received)), ('first_receipt', reached.received),
                    ('first_accept', came.accepted), ('first_on_scene', came.there)) AS steps (name, at)
)
SELECT day, name, count(DISTINCT id), count(seconds),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
FROM times GROUP BY GROUPING SETS ((day, name), (name))
"""


def response_times(since: date, until: date, zone: str) -> dict[str, Any]:
    """By day of `zone`, `since` and `until` included, and in all: how many events, and how soon each step came.

    A step's figures are seconds; null where no event came so far. Tests and drills do not count.
    """
    begin, end = (datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) for day in (since, until + timedelta(1)))
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, {"zone": zone, "since": begin, "until": end})
        rows = {(day, step): figures for day, step, *figures in cursor.fetchall()}
    days = (since + timedelta(number) for number in range((until - since).days + 1))
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "zone": zone,
        "total": _part(rows, None),
        "days": [{"day": day.isoformat(), **_part(rows, day)} for day in days],
    }


def _part(rows: dict[Any, Any], day: date | None) -> dict[str, Any]:
    found = {step: rows.get((day, step), [0, 0, None, None, None]) for step in STEPS}
    steps = {
        step: {"count": count, **{name: _rounded(value) for name, value in zip(FIGURES[1:], values, strict=True)}}
        for step, (_, count, *values) in found.items()
    }
    return {"events": found[STEPS[0]][0], "steps": steps}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(float(seconds), 3)
