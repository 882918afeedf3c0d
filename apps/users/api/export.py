"""Everything about oneself, as one archive."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import Throttled
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mdd_backend.api.openapi import documented

from ..rules import export
from .permissions import caller


class ZipRenderer(BaseRenderer):
    media_type, format, charset, render_style = "application/zip", "zip", None, "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        archive: bytes = data
        return archive


class ExportView(APIView):
    banned_may_enter = True

    @documented("Everything about me", gives={(200, "application/zip"): (OpenApiTypes.BINARY, "PK…")}, errors=[429])
    def get(self, request: Request) -> Response:
        """One archive of JSON files, with a README; three a day. Also for a banned account."""
        try:
            archive = export.export(caller(request))
        except export.TooManyExports as why:
            raise Throttled(why.wait_s, "Three archives a day are made.") from None
        answer = Response(archive, content_type="application/zip")
        request.accepted_renderer = ZipRenderer()  # only of what is no error
        answer["Content-Disposition"] = 'attachment; filename="mdd-export.zip"'
        return answer
