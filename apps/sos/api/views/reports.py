"""How soon help came: for dispatchers and for those who decide how many helpers a city needs."""

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db import connection
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.permissions import IsDispatcher
from mdd_backend.openapi import documented

DAYS, DAYS_MOST = 30, 366
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9999, 1, 1)
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


class ReportQuerySerializer(serializers.Serializer[Any]):
    since = serializers.DateField(required=False, help_text="The first day; else 29 days before the last.")
    until = serializers.DateField(required=False, help_text="The last day; else today.")
    zone = serializers.CharField(default="UTC", max_length=64, help_text="Whose days: such as Asia/Tashkent.")

    def validate_zone(self, zone: str) -> str:
        if zone not in available_timezones():
            raise serializers.ValidationError("Is not a time zone such as Asia/Tashkent.")
        return zone

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        asked.setdefault("until", timezone.now().astimezone(ZoneInfo(asked["zone"])).date())
        if not FIRST_DAY <= asked["until"] <= LAST_DAY:
            raise serializers.ValidationError({"until": "Is beyond what is kept."})
        asked.setdefault("since", asked["until"] - timedelta(DAYS - 1))
        if not 0 <= (asked["until"] - asked["since"]).days < DAYS_MOST:
            raise serializers.ValidationError({"since": f"Is not within {DAYS_MOST} days before `until`."})
        return asked


class StepSerializer(serializers.Serializer[Any]):
    """Seconds; null where no event came so far."""

    count = serializers.IntegerField(help_text="Events that came so far.")
    median_s = serializers.FloatField(allow_null=True)
    p90_s = serializers.FloatField(allow_null=True)
    p95_s = serializers.FloatField(allow_null=True)


class StepsSerializer(serializers.Serializer[Any]):
    first_push = StepSerializer(help_text="The first message to a helper was sent.")
    first_receipt = StepSerializer(help_text="The first phone said that it had it.")
    first_accept = StepSerializer(help_text="The first helper said that they come.")
    first_on_scene = StepSerializer(help_text="The first helper was there.")


class ReportTotalSerializer(serializers.Serializer[Any]):
    events = serializers.IntegerField()
    steps = StepsSerializer()


class ReportDaySerializer(ReportTotalSerializer):
    day = serializers.DateField()


class ReportSerializer(serializers.Serializer[Any]):
    since = serializers.DateField()
    until = serializers.DateField()
    zone = serializers.CharField()
    total = ReportTotalSerializer()
    days = ReportDaySerializer(many=True)


_STEP = {"count": 12, "median_s": 0.412, "p90_s": 0.9, "p95_s": 1.204}
_PART: dict[str, Any] = {"events": 12, "steps": dict.fromkeys(STEPS, _STEP)}
EXAMPLE = {
    "since": "2025-10-28",
    "until": "2025-10-28",
    "zone": "Asia/Tashkent",
    "total": _PART,
    "days": [{"day": "2025-10-28", **_PART}],
}


class _Report(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def report(self, request: Request) -> dict[str, Any]:
        asked = ReportQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return response_times(**asked.validated_data)


class ResponseTimesView(_Report):
    @documented("How soon help came", gives={200: (ReportSerializer, EXAMPLE)}, query=[ReportQuerySerializer])
    def get(self, request: Request) -> Response:
        """By day and in all: count, median, 90th and 95th percentile of each step. Tests and drills do not count."""
        return Response(self.report(request))


class CsvRenderer(BaseRenderer):
    """With a byte order mark, by which spreadsheets know UTF-8."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        lines = io.StringIO()
        csv.writer(lines).writerows(data)
        return ("\ufeff" + lines.getvalue()).encode()


class ResponseTimesCsvView(_Report):
    @documented(
        "How soon help came, as a table",
        gives={(200, "text/csv"): (OpenApiTypes.STR, "day,events,first_push_count,…")},
        query=[ReportQuerySerializer],
    )
    def get(self, request: Request) -> Response:
        """The same, a line a day, for spreadsheets."""
        report = self.report(request)
        answer = Response(list(_lines(report["days"])), content_type="text/csv; charset=utf-8")
        self.request.accepted_renderer = CsvRenderer()  # only of what is no error
        name = f"response-times-{report['since']}-{report['until']}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def _lines(days: Iterable[dict[str, Any]]) -> Iterable[list[Any]]:
    yield ["day", "events", *(f"{step}_{figure}" for step in STEPS for figure in FIGURES)]
    for day in days:
        yield [day["day"], day["events"], *(day["steps"][step][figure] for step in STEPS for figure in FIGURES)]
