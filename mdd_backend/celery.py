"""Celery: the hurry, never the record. A task carries an id and may run twice or never."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdd_backend.settings")

app = Celery("mdd_backend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
