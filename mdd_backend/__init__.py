"""The core of the project: settings, urls, the ASGI entry, Celery and hints."""

from .celery import app as celery_app

__all__ = ["celery_app"]
