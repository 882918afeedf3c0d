"""Prints a link that signs a dispatcher in to the console once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.monitoring.console.links import link_for
from apps.users.models import User


class Command(BaseCommand):
    help = "Prints a link, good for an hour and once, that signs an ADMIN in to the console."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="such as +998900000001")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(phone_number=options["phone"]).first()
        if user is None or not user.is_staff:
            raise CommandError("phone: no active ADMIN has it")
        self.stdout.write(link_for(user))
