"""Content-Security-Policy of every page: what is not named may not be loaded, nor may anything written into it run."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

HEADER = "Content-Security-Policy"
SELF, INLINE, NONE = "'self'", "'unsafe-inline'", "'none'"
STRICT = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
# The pages of the API's documents write styles as they draw; Redoc searches in a worker of its own making.
_DOCUMENTS = {"style-src": [SELF, INLINE], "img-src": [SELF, "data:", "blob:"], "worker-src": [SELF, "blob:"]}
_BY_PATH: dict[str, dict[str, list[str]]] = {"/swagger/": _DOCUMENTS, "/redoc/": _DOCUMENTS}


def policy(more: Mapping[str, list[str]] | None = None) -> str:
    """The strict policy, some of its parts replaced."""
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in (STRICT | dict(more or {})).items())


def map_sources() -> dict[str, list[str]]:
    """What the console's map may load beyond our own files: the configured tiles or style, and pictures it makes."""
    urls = [url for url in (settings.MAP_STYLE_URL, settings.MAP_TILES_URL) if url]
    origins = sorted({f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in urls} | set(settings.MAP_ORIGINS))
    return {
        "img-src": [SELF, "data:", "blob:", *origins],
        "connect-src": [SELF, *origins],
        "worker-src": [SELF],
    }


class ContentSecurityPolicy(MiddlewareMixin):
    """For every page that does not bring its own."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> Any:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and HEADER not in response.headers:
            response.headers[HEADER] = policy(_BY_PATH.get(request.path))
        return response
