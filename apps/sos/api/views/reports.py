"""How soon help came: for dispatchers and for those who decide how many helpers a city needs."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.permissions import IsDispatcher
from mdd_backend.api.openapi import documented

from ...journal.response_times import FIGURES, STEPS, response_times
from ..examples import REPORT
from ..serializers.reports import ReportQuerySerializer, ReportSerializer


class _Report(APIView):
    permission_classes: list[Any] = [IsAuthenticated, IsDispatcher]

    def report(self, request: Request) -> dict[str, Any]:
        query = ReportQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        return response_times(**query.validated_data)


class ResponseTimesView(_Report):
    @documented("How soon help came", gives={200: (ReportSerializer, REPORT)}, query=[ReportQuerySerializer])
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
