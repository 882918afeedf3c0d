"""Static files, as collectstatic has gathered them."""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from whitenoise import WhiteNoise


class HashedFiles(ManifestStaticFilesStorage):
    """The console's modules name each other by their hashed names too, or a new version would be mixed with the old."""

    support_js_module_import_aggregation = True


def static_files() -> WhiteNoise:
    """A WSGI application that knows nothing but the files of STATIC_ROOT."""
    application = WhiteNoise(_nothing_else, max_age=3600)
    if settings.STATIC_ROOT.is_dir():
        application.add_files(settings.STATIC_ROOT, settings.STATIC_URL)
    return application


def _nothing_else(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"Not found. Has collectstatic been run?"]
