"""The service's settings with the plain views, Django's own middleware, and REST framework as it comes."""

from mdd_backend.settings import *  # noqa: F403
from mdd_backend.settings import DATABASES, MIDDLEWARE

ROOT_URLCONF = "benchmarks.plain.urls"
ASGI_APPLICATION = "benchmarks.plain.asgi.application"
MIDDLEWARE = [name for name in MIDDLEWARE if name.startswith("django.")]
REST_FRAMEWORK = {}
DATABASES["default"]["OPTIONS"] = {"pool": True}
