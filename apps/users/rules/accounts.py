"""What changes accounts."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber

from ..kinds import Deed
from ..models import BlockedHelper, ContactRefusal, EmergencyContact, PasswordReset, Remark, Role, Status, User
from ..signals import erased, erasing, password_reset_requested, phone_confirmed, sessions_ended, standing_changed
from . import limits, record, resets, rights, sessions


class PhoneTaken(Exception):
    """Somebody is registered under this phone number."""


class AccountErased(Exception):
    """The account was erased meanwhile."""


class StillNeeded(Exception):
    """The account cannot be erased now, and why."""


class LastDispatcher(Exception):
    """Nobody would be left to work events, or to make ADMINs."""


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
    """Raises LastDispatcher when no other active ADMIN is left, or no other active superuser.

    Locks all of them in one order, before any other row: of two who demote each other at once, one is refused.
    """
    active = Q(role=Role.ADMIN, status=Status.ACTIVE)
    held = User.objects.select_for_update().filter(active | Q(pk=user.pk)).order_by("pk")
    if {person.pk for person in held if person.is_staff} == {user.pk}:
        raise LastDispatcher("This is the last active ADMIN.")
    if {person.pk for person in held if person.is_chief} == {user.pk}:
        raise LastDispatcher("This is the last active superuser.")


@transaction.atomic
def change_standing(user: User, *, role: str | None = None, status: str | None = None) -> User:
    """Gives `user` a role or a status; a ban, or a role less, ends their sessions. Raises AccountErased."""
    _hold(user)
    lost = Role.ADMIN if user.role == Role.ADMIN else None
    user.role, user.status = role or user.role, status or user.status
    user.is_superuser = user.is_superuser and user.role == Role.ADMIN
    user.save(update_fields=["role", "status", "is_superuser"])
    if user.is_banned or lost not in {None, user.role}:
        sessions.end_all(user)
    standing_changed.send(sender=User, user=user)
    return user


@transaction.atomic
def change_account(user: User, changes: dict[str, Any], actor: User) -> User:
    """What `actor` decides about somebody: role, status, name, language.

    Raises AccountErased, LastDispatcher and rights.SuperuserRequired.
    """
    rights.check(actor, user, changes)
    standing = {name: changes[name] for name in ("role", "status") if name in changes}
    is_less = standing.get("role", Role.ADMIN) != Role.ADMIN or changes.get("is_superuser") is False
    if is_less or standing.get("status") == Status.BANNED:
        _keep_a_dispatcher(user)
    _hold(user)
    rights.check(actor, user, changes)  # as they are now
    changed = record.changed_fields(user, changes)
    if standing:
        change_standing(user, **standing)
    _write(user, {name: value for name, value in changes.items() if name not in standing})
    if changed:
        record.keep_deed(Deed.ACCOUNT_CHANGED, actor, user, changed=changed)
    return user


@transaction.atomic
def make_account(phone_number: PhoneNumber, full_name: str, password: str, role: str, actor: User) -> User:
    """An account that somebody else makes. Raises PhoneTaken and rights.SuperuserRequired."""
    user = register_user(phone_number, full_name, password)
    rights.check(actor, user, {"role": role})
    change_standing(user, role=role)
    record.keep_deed(Deed.ACCOUNT_MADE, actor, user, changed={"role": [Role.USER, role]})
    return user


@transaction.atomic
def change_own_account(user: User, changes: dict[str, Any]) -> User:
    """What people decide about themselves. Who no longer wants to help is off duty at once. Raises AccountErased."""
    wanted = changes.get("wants_to_help")
    _hold(user)
    if wanted is False and user.role == Role.HELPER:
        changes = changes | {"on_duty": False}
    changed = record.changed_fields(user, changes)
    _write(user, changes)
    if wanted and user.role == Role.USER and settings.HELPERS_AUTO_APPROVE:
        changed["role"] = [Role.USER, Role.HELPER]
        change_standing(user, role=Role.HELPER)
    if changed.keys() - {"on_duty"}:  # a shift begins and ends many times a day, and is nobody else's doing
        record.keep_deed(Deed.ACCOUNT_CHANGED, user, user, changed=changed)
    return user


@transaction.atomic
def contain(user: User, dispatcher: User) -> User:
    """From now on the account's signals go to dispatchers first; again: the same.

    Raises AccountErased and rights.SuperuserRequired.
    """
    _hold(user)
    rights.check(dispatcher, user, {})
    if not user.contained_at:
        _write(user, {"contained_at": timezone.now()})
        record.keep_deed(Deed.ACCOUNT_CONTAINED, dispatcher, user)
    return user


@transaction.atomic
def lift_containment(user: User, dispatcher: User) -> User:
    """Its signals are taken as everybody's again; also when they are already.

    Raises AccountErased and rights.SuperuserRequired.
    """
    _hold(user)
    rights.check(dispatcher, user, {})
    if user.contained_at:
        _write(user, {"contained_at": None})
        record.keep_deed(Deed.CONTAINMENT_LIFTED, dispatcher, user)
    return user


def _write(user: User, changes: dict[str, Any]) -> User:
    """Writes these fields and no others, or a ban at the same moment would be undone."""
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=list(changes))
    return user


@transaction.atomic
def change_password(user: User, password: str, kept: str = "", actor: User | None = None) -> User:
    """Sets a password and ends every session. Raises AccountErased and rights.SuperuserRequired.

    kept: the session that goes on under a new refresh token; its app still rings. actor: who does it for them.
    """
    _hold(user)
    if actor and actor != user:
        rights.check(actor, user, {})
    user.set_password(password)
    user.save(update_fields=["password"])
    sessions.end_all(user, kept)
    sessions_ended.send(sender=User, user=user, kept=kept)
    record.keep_deed(Deed.PASSWORD_CHANGED, actor or user, user)
    return user


@transaction.atomic
def sign_out_everywhere(user: User) -> None:
    """Ends every session, as a new password would. Raises AccountErased."""
    _hold(user)
    sessions.end_all(user)
    sessions_ended.send(sender=User, user=user, kept="")
    record.keep_deed(Deed.SIGNED_OUT_EVERYWHERE, user, user)


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
    phone_confirmed.send(sender=User, user=user)
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
    ContactRefusal.objects.filter(owner=user).delete()
    EmergencyContact.objects.filter(owner=user).delete()
    Remark.objects.filter(person=user).delete()
    BlockedHelper.objects.filter(Q(owner=user) | Q(helper=user)).delete()
    _blank(user)
    standing_changed.send(sender=User, user=user)
    erased.send(sender=User, user=user)
    record.keep_deed(Deed.ACCOUNT_ERASED, user, user)


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
