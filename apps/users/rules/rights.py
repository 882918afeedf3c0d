"""What a dispatcher may decide about accounts, and what only a superuser may."""

from collections.abc import Mapping
from typing import Any

from ..models import Role, User


class SuperuserRequired(Exception):
    """Only a superuser may do it, and what."""


def may_change(actor: User, user: User) -> bool:
    """Whether `actor` may change anything about `user` at all."""
    return actor.is_chief or actor == user or not (user.role == Role.ADMIN or user.is_superuser)


def check(actor: User, user: User, changes: Mapping[str, Any]) -> None:
    """Raises SuperuserRequired for a change of `user` that `actor` may not make.

    An ADMIN gives and takes the role HELPER and bans; whoever is an ADMIN, or becomes one, is a superuser's to decide.
    """
    if actor.is_chief:
        return
    if not may_change(actor, user):
        raise SuperuserRequired("Only a superuser changes the account of an ADMIN.")
    if changes.get("role") == Role.ADMIN:
        raise SuperuserRequired("Only a superuser makes somebody an ADMIN.")
    if {"devices_most", "is_superuser"} & changes.keys() or (actor == user and {"role", "status"} & changes.keys()):
        raise SuperuserRequired("Only a superuser decides this.")
