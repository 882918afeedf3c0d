"""For a dispatcher who has lost both phone and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.users.models import Role, User
from apps.users.rules import second_factor


class Command(BaseCommand):
    help = "Takes an ADMIN's second factor away; they have seven days to set up another one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--phone", required=True, help="such as +998900000001")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(phone_number=options["phone"], role=Role.ADMIN).first()
        if user is None:
            raise CommandError("--phone: no ADMIN has this number")
        second_factor.reset(user)
        self.stdout.write("taken away")
