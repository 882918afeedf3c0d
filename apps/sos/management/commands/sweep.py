"""`manage.py sweep`: runs the sweeper until it is told to stop."""

import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand

from apps.sos.sweep import run


class Command(BaseCommand):
    help = "Does overdue steps and deliveries each second, whatever happens to Redis and the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        structlog.get_logger(__name__).info("sweep started")
        run(stop)
