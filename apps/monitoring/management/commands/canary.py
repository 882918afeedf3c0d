"""`manage.py canary`: a test signal through the public address, followed until the phone's receipt."""

import json
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.monitoring.health.canary import Canary, Missed


class Command(BaseCommand):
    help = "Sends a TEST signal as the account CANARY_PHONE; fails, naming the step, when it or its receipt is missed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default=settings.PUBLIC_URL, help="the service from outside; else PUBLIC_URL")
        parser.add_argument("--wait", type=float, default=30.0, help="seconds for push and receipt")
        parser.add_argument("--json", action="store_true", help="one line of JSON in place of one a step")

    def handle(self, *args: Any, **options: Any) -> None:
        phone, password = settings.CANARY_PHONE, settings.CANARY_PASSWORD
        if not phone or not password:
            raise CommandError("CANARY_PHONE and CANARY_PASSWORD: are required")
        missed = None
        with httpx.Client(base_url=options["url"], timeout=10) as http:
            canary = Canary(http, options["wait"], (lambda *_: None) if options["json"] else self._tell)
            try:
                canary.fly(phone, password)
            except Missed as why:
                missed = why
        if options["json"]:
            failed = missed and {"step": missed.step, "why": str(missed)}
            self.stdout.write(json.dumps({"ok": missed is None, "ms": canary.done, "missed": failed}))
        if missed:
            raise CommandError(str(missed))

    def _tell(self, step: str, ms: int) -> None:
        self.stdout.write(f"{step:<16}{ms:>7} ms")
