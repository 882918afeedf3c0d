"""What is attached to an account that may have been made by somebody else than the phone's holder."""

from typing import Any

from ..models import User
from ..signals import attached, erasing, rest_unwanted
from . import sessions


class StillNeeded(Exception):
    """Nothing of the account can be taken away now, and why."""


class ChooseWhatStays(Exception):
    """The account was never proven to be the phone's holder's, who says first what of `attached` to it is theirs."""

    def __init__(self, attached: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__("Say what of this is yours.")
        self.attached = attached


def of(user: User) -> dict[str, list[dict[str, Any]]]:
    """What is attached to an account, by kind; nothing when there are only sessions, which end anyway."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, answer in attached.send(sender=User, user=user):
        found.update(answer or {})  # type: ignore[arg-type]
    contacts = user.emergency_contacts.order_by("pk")
    found["contacts"] = [
        {"uuid": str(c.uuid), "name": c.name, "phone_number": str(c.phone_number), "created_at": c.created_at}
        for c in contacts
    ]
    if not any(found.values()):
        return {}
    return found | {"sessions": [dict(row) for row in sessions.apps_of(user).values("client", "created_at")]}


def keep_only(user: User, keep: dict[str, list[Any]]) -> list[str]:
    """Takes everything else away; the uuids of the devices among it. keep: by kind, what is theirs."""
    answers = rest_unwanted.send(sender=User, user=user, kept=keep)
    user.emergency_contacts.exclude(uuid__in=keep.get("contacts", ())).delete()
    return [device for _, removed in answers for device in removed or ()]


def refuse_while_needed(user: User) -> None:
    """Raises StillNeeded while their SOS is open, or they are coming to somebody."""
    erasing.send(sender=User, user=user)


def is_needed(user: User) -> bool:
    """Whether their SOS is open, or they are coming to somebody."""
    try:
        refuse_while_needed(user)
    except StillNeeded:
        return True
    return False
