"""What changes accounts."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber

from ..models import BlockedHelper, EmergencyContact, PasswordReset, Role, Status, User
from ..signals import erased, erasing, password_reset_requested, sessions_ended, standing_changed
from . import limits, record, resets, sessions


class PhoneTaken(Exception):
    """Somebody is registered under this phone number."""


class AccountErased(Exception):
    """The account was erased meanwhile."""


class StillNeeded(Exception):
    """The account cannot be erased now, and why."""


class LastDispatcher(Exception):
    """Nobody would be left to give roles."""

    def __init__(self) -> None:
        super().__init__("This is the last active ADMIN.")


class WrongCode(Exception):
    """No active account has this phone and this code."""


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


def _hold(user: User) -> None:
    """Locks a person's row and reads it anew. Raises AccountErased."""
    try:
        user.refresh_from_db(from_queryset=User.objects.present().select_for_update())
    except User.DoesNotExist:
        raise AccountErased from None


def _keep_a_dispatcher(user: User) -> None:
    """Raises LastDispatcher when no other active ADMIN is left.

    Locks all of them in one order, before any other row: of two who demote each other at once, one is refused.
    """
    active = Q(role=Role.ADMIN, status=Status.ACTIVE)
    held = User.objects.select_for_update().filter(active | Q(pk=user.pk)).order_by("pk")
    dispatchers = {person.pk for person in held if person.role == Role.ADMIN and person.status == Status.ACTIVE}
    if dispatchers == {user.pk}:
        raise LastDispatcher


@transaction.atomic
def change_standing(user: User, *, role: str | None = None, status: str | None = None) -> User:
    """Gives `user` a role or a status; a ban, or a role less, ends their sessions. Raises AccountErased."""
    _hold(user)
    lost = Role.ADMIN if user.role == Role.ADMIN else None
    user.role, user.status = role or user.role, status or user.status
    user.save(update_fields=["role", "status"])
    if user.is_banned or lost not in {None, user.role}:
        sessions.end_all(user)
    standing_changed.send(sender=User, user=user)
    return user


@transaction.atomic
def change_account(user: User, changes: dict[str, Any]) -> User:
    """What an ADMIN decides about somebody: role, status, name, language. Raises AccountErased and LastDispatcher."""
    standing = {name: changes[name] for name in ("role", "status") if name in changes}
    if standing.get("role", Role.ADMIN) != Role.ADMIN or standing.get("status") == Status.BANNED:
        _keep_a_dispatcher(user)
    _hold(user)
    if standing:
        change_standing(user, **standing)
    return _write(user, {name: value for name, value in changes.items() if name not in standing})


@transaction.atomic
def change_own_account(user: User, changes: dict[str, Any]) -> User:
    """What people decide about themselves. Who no longer wants to help is off duty at once. Raises AccountErased."""
    wanted = changes.get("wants_to_help")
    _hold(user)
    if wanted is False and user.role == Role.HELPER:
        changes = changes | {"on_duty": False}
    _write(user, changes)
    if wanted and user.role == Role.USER and settings.HELPERS_AUTO_APPROVE:
        change_standing(user, role=Role.HELPER)
    return user


@transaction.atomic
def contain(user: User, dispatcher: User) -> User:
    """From now on the account's signals go to dispatchers first; again: the same. Raises AccountErased."""
    _hold(user)
    if user.contained_at:
        return user
    record.keep_decision(dispatcher, user, "Contained.")
    return _write(user, {"contained_at": timezone.now()})


@transaction.atomic
def lift_containment(user: User, dispatcher: User) -> User:
    """Its signals are taken as everybody's again; also when they are already. Raises AccountErased."""
    _hold(user)
    if user.contained_at is None:
        return user
    record.keep_decision(dispatcher, user, "Containment lifted.")
    return _write(user, {"contained_at": None})


def _write(user: User, changes: dict[str, Any]) -> User:
    """Writes these fields and no others, or a ban at the same moment would be undone."""
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=list(changes))
    return user


@transaction.atomic
def change_password(user: User, password: str, kept: str = "") -> User:
    """Sets a password and ends every session. Raises AccountErased.

    kept: the session that goes on under a new refresh token; its app still rings.
    """
    _hold(user)
    user.set_password(password)
    user.save(update_fields=["password"])
    sessions.end_all(user, kept)
    sessions_ended.send(sender=User, user=user, kept=kept)
    return user


@transaction.atomic
def sign_out_everywhere(user: User) -> None:
    """Ends every session, as a new password would. Raises AccountErased."""
    _hold(user)
    sessions.end_all(user)
    sessions_ended.send(sender=User, user=user, kept="")


@transaction.atomic
def request_password_reset(phone_number: PhoneNumber) -> None:
    """Lets the person behind a phone have a code, if there is an active one."""
    user = User.objects.filter(phone_number=phone_number, status=Status.ACTIVE).first()
    if user:
        password_reset_requested.send(sender=User, user=user)


def person_with_code(phone_number: PhoneNumber, code: str) -> User:
    """The active person who was sent `code`. Raises WrongCode, and counts it."""
    user = User.objects.filter(phone_number=phone_number, status=Status.ACTIVE).first()
    if user is None or not resets.try_code(user, code):
        raise WrongCode
    return user


@transaction.atomic
def reset_password(user: User, code: str, password: str) -> User:
    """Sets a password by a code. Raises WrongCode, also to the second of two who use it at once."""
    _hold(user)
    if user.status != Status.ACTIVE or not resets.use(user, code):
        raise WrongCode
    _write(user, {"phone_confirmed_at": timezone.now()})  # the code goes by text message only
    return change_password(user, password)


@transaction.atomic
def erase(user: User) -> None:
    """Blanks a person; the row stays, since events point at it.

    Raises StillNeeded, LastDispatcher and AccountErased.
    """
    _keep_a_dispatcher(user)
    _hold(user)
    erasing.send(sender=User, user=user)
    limits.forget(str(user.phone_number))
    sessions.end_all(user)
    PasswordReset.objects.filter(user=user).delete()
    EmergencyContact.objects.filter(owner=user).delete()
    BlockedHelper.objects.filter(Q(owner=user) | Q(helper=user)).delete()
    _blank(user)
    standing_changed.send(sender=User, user=user)
    erased.send(sender=User, user=user)


def _blank(user: User) -> None:
    user.phone_number = user.email = user.last_login = None
    user.contained_at = user.phone_confirmed_at = None
    user.full_name = ""
    user.role, user.status = Role.USER, Status.ERASED
    user.is_superuser = user.on_duty = user.wants_to_help = False
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    user.save()
