"""Accounts: wearers, helpers and dispatchers."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from phonenumber_field.modelfields import PhoneNumberField


class Role(models.TextChoices):
    USER = "USER", "wearer"
    HELPER = "HELPER", "helper"
    ADMIN = "ADMIN", "dispatcher"


class Status(models.TextChoices):
    ACTIVE = "ACTIVE", "active"
    BANNED = "BANNED", "banned"


class Language(models.TextChoices):
    RU = "ru", "русский"
    UZ = "uz", "oʻzbekcha"
    EN = "en", "English"


class UserManager(BaseUserManager["User"]):
    def create_user(self, phone_number: Any, password: str | None = None, **fields: Any) -> "User":
        """Raises IntegrityError when the phone number is taken."""
        user = self.model(phone_number=phone_number, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, phone_number: Any, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(phone_number, password, role=Role.ADMIN, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by phone number."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    phone_number = PhoneNumberField(unique=True)
    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(null=True, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.USER)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.RU)
    on_duty = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "phone_number"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="users_helpers_on_duty",
                condition=models.Q(role="HELPER", status="ACTIVE", on_duty=True),
            )
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def is_banned(self) -> bool:
        return self.status == Status.BANNED

    @property
    def is_staff(self) -> bool:
        return self.role == Role.ADMIN and not self.is_banned
