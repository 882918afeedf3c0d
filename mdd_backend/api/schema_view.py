"""`/api/schema/`, made once in the life of a process: to make it takes a core for seconds."""

from functools import cache
from threading import Lock
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from . import openapi_settings

_making = Lock()


class SchemaView(SpectacularAPIView):
    """The same document for everybody, as YAML or JSON by the Accept header."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer = request.accepted_renderer
        with _making:
            document = _rendered(renderer.__class__)  # type: ignore[arg-type]  # its type is hashable, as any
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        name = f"{openapi_settings.SETTINGS['TITLE']}.{renderer.format}"
        answer = HttpResponse(document, content_type=f"{renderer.media_type}{charset}")
        answer["Content-Disposition"] = f'inline; filename="{name}"'
        return answer


@cache
def _rendered(renderer: type[BaseRenderer]) -> bytes:
    return bytes(renderer().render(_document(), renderer_context={}))


@cache
def _document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
