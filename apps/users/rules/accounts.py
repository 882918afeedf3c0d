"""What changes accounts."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber

from mdd_backend import hints

from ..kinds import Deed
from ..models import (
    BlockedHelper,
    ContactRefusal,
    EmergencyContact,
    PasswordReset,
    PhoneProof,
    Remark,
    ResetRequest,
    Role,
    Status,
    User,
)
from ..signals import (
    erased,
    erasing,
    number_taken,
    password_reset_requested,
    phone_confirmed,
    sessions_ended,
    standing_changed,
)
from . import attachments, codes, limits, phones, record, rights, second_factor, sessions
from .attachments import ChooseWhatStays
from .phones import WrongCode

RESETS_AT_ONCE = 100


class PhoneTaken(Exception):
    """Somebody is registered under this phone number."""


class AccountErased(Exception):
    """The account was erased meanwhile."""


class LastDispatcher(Exception):
    """Nobody would be left to work events, or to make ADMINs."""


def register_user(phone_number: PhoneNumber, full_name: str, password: str) -> User:
    """A new wearer. Raises PhoneTaken, also when two register at once."""
    user = User(phone_number=phone_number, full_name=full_name)
    user.set_password(password)
    _, created = User.objects.get_or_create(
        phone_number=phone_number,
        defaults={"uuid": user.uuid, "full_name": full_name, "password": user.password},
    )
    if not created:
        _tell_owner(phone_number)
        raise PhoneTaken
    return User.objects.get(uuid=user.uuid)


@transaction.atomic
def _tell_owner(phone_number: PhoneNumber) -> None:
    user = User.objects.filter(phone_number=phone_number, status=Status.ACTIVE).first()
    if user:
        number_taken.send(sender=User, user=user)


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

    Raises AccountErased, LastDispatcher, rights.SuperuserRequired and phones.PhoneNotProven.
    """
    rights.check(actor, user, changes)
    standing = {name: changes[name] for name in ("role", "status") if name in changes}
    is_less = standing.get("role", Role.ADMIN) != Role.ADMIN or changes.get("is_superuser") is False
    if is_less or standing.get("status") == Status.BANNED:
        _keep_a_dispatcher(user)
    _hold(user)
    rights.check(actor, user, changes)  # as they are now
    changed = record.changed_fields(user, changes)
    if standing.get("role") == Role.HELPER != user.role:
        phones.require_proof(user)
    if standing:
        change_standing(user, **standing)
    _write(user, {name: value for name, value in changes.items() if name not in standing})
    if changed:
        record.keep_deed(Deed.ACCOUNT_CHANGED, actor, user, changed=changed)
    return user


@transaction.atomic
def make_account(phone_number: PhoneNumber, full_name: str, password: str, role: str, actor: User) -> User:
    """An account that somebody else makes. Raises PhoneTaken, rights.SuperuserRequired and phones.PhoneNotProven."""
    user = register_user(phone_number, full_name, password)
    rights.check(actor, user, {"role": role})
    if role == Role.HELPER:
        phones.require_proof(user)
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
    may_help = user.is_phone_proven or not phones.is_asked()
    if wanted and may_help and user.role == Role.USER and settings.HELPERS_AUTO_APPROVE:
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
    """Lets the person behind a phone have a code, if there is an active one: that is looked at later, so that an answer
    takes as long for a number that nobody has.
    """
    ResetRequest.objects.create(phone_number=phone_number, at=Now())
    hints.task("users.answer_reset_requests")


@transaction.atomic
def answer_reset_requests() -> None:
    """Lets have a code whoever has asked for one. The worker runs this at a hint, the sweep each second."""
    waiting = ResetRequest.objects.select_for_update(skip_locked=True).order_by("pk")[:RESETS_AT_ONCE]
    asked = {request.pk: request.phone_number for request in waiting}
    if not asked:
        return
    ResetRequest.objects.filter(pk__in=asked).delete()
    for user in User.objects.filter(phone_number__in=set(asked.values()), status=Status.ACTIVE).order_by("pk"):
        password_reset_requested.send(sender=User, user=user)


def person_with_code(phone_number: PhoneNumber, code: str) -> User:
    """The active person who was sent `code`. Raises WrongCode, and counts it."""
    user = User.objects.filter(phone_number=phone_number, status=Status.ACTIVE).first()
    if user is None or not codes.try_code(PasswordReset, user, code):
        raise WrongCode
    return user


@transaction.atomic
def reset_password(user: User, code: str, password: str, keep: dict[str, list[Any]] | None = None) -> tuple[User, bool]:
    """Sets a password by a code; also whether it must still be said what stays.

    keep: by kind (`attachments.of`), what is theirs of an account that was never proven; the rest goes, unless somebody
    needs help now. Raises WrongCode, also to the second of two who use it at once, and ChooseWhatStays.
    """
    _hold(user)
    if user.status != Status.ACTIVE:
        raise WrongCode
    found = {} if user.is_phone_proven else attachments.of(user)
    waits = bool(found) and attachments.is_needed(user)
    if found and keep is None and not waits:
        raise ChooseWhatStays(found)
    if not codes.use(PasswordReset, user, code):
        raise WrongCode
    removed: list[str] = []
    if waits:
        _write(user, {"choice_waits": True})
    else:
        if found:
            removed = attachments.keep_only(user, keep or {})
        # The code goes by text message only.
        _write(user, {"phone_confirmed_at": timezone.now(), "choice_waits": False})
        phone_confirmed.send(sender=User, user=user)
    change_password(user, password)
    for device in removed:
        record.keep_deed(Deed.DEVICE_REMOVED, user, user, device=device)
    return user, waits


@transaction.atomic
def erase(user: User) -> None:
    """Blanks a person; the row stays, since events point at it.

    Raises StillNeeded, LastDispatcher and AccountErased.
    """
    _keep_a_dispatcher(user)
    _hold(user)
    erasing.send(sender=User, user=user)
    for counted in (str(user.phone_number), f"{limits.CODE}{user.phone_number}"):
        limits.forget(counted)
    sessions.end_all(user)
    second_factor.forget(user)
    PasswordReset.objects.filter(user=user).delete()
    ContactRefusal.objects.filter(owner=user).delete()
    PhoneProof.objects.filter(user=user).delete()
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
    user.second_factor_at = user.second_factor_due_at = None
    user.full_name = ""
    user.role, user.status = Role.USER, Status.ERASED
    user.is_superuser = user.on_duty = user.wants_to_help = False
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    user.save()
