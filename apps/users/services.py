"""What changes accounts."""

from django.db import transaction
from phonenumber_field.phonenumber import PhoneNumber

from .models import User
from .signals import standing_changed


class PhoneTaken(Exception):
    """Somebody is registered under this phone number."""


def register_user(phone_number: PhoneNumber, full_name: str, password: str) -> User:
    """A new wearer. Raises PhoneTaken, also when two register at once."""
    user = User(phone_number=phone_number, full_name=full_name)
    user.set_password(password)
    _, created = User.objects.get_or_create(
        phone_number=phone_number,
        defaults={"uuid": user.uuid, "full_name": full_name, "password": user.password},
    )
    if not created:
        raise PhoneTaken
    return User.objects.get(uuid=user.uuid)


@transaction.atomic
def change_standing(user: User, *, role: str, status: str) -> User:
    """Gives `user` a role and a status (an ADMIN's decision)."""
    user.role, user.status = role, status
    user.save(update_fields=["role", "status"])
    standing_changed.send(sender=User, user=user)
    return user
