"""Makes the first dispatcher of a new installation."""

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.users.models import Role, User


class Command(BaseCommand):
    help = "Creates an ADMIN with the password in DJANGO_SUPERUSER_PASSWORD, unless there is one already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--phone", required=True, help="such as +998900000001")

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(role=Role.ADMIN).exists():
            self.stdout.write("exists")
            return
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        if not password:
            raise CommandError("DJANGO_SUPERUSER_PASSWORD: is required")
        try:
            User.objects.create_superuser(options["phone"], password, full_name="Dispatcher")
        except ValidationError as why:
            raise CommandError(f"--phone: {' '.join(why.messages)}") from None
        self.stdout.write("created")
