"""What somebody does to an account or a device: the journal keeps it, with who did it."""

from typing import Any

from ..kinds import Deed
from ..models import Remark, User
from ..signals import deed_done


def keep_deed(kind: Deed, actor: User | None, person: User | None, *, remark: str = "", **facts: Any) -> None:
    """Notes that `actor` has done something to a person, as the LAST step of the caller's transaction. None: it was an
    operator, at the server.

    facts: ids and names of fields, never what is personal. remark: why, in the actor's words; it goes with the person.
    """
    if remark and person:
        facts["remark"] = Remark.objects.create(person=person, text=remark).pk
    deed_done.send(sender=User, kind=kind, actor=actor, facts=facts | ({"person": person.pk} if person else {}))


def changed_fields(user: User, changes: dict[str, Any]) -> dict[str, list[Any] | None]:
    """By field that is to be different: what it is and what it will be; of what is personal, only that it changes."""
    different = {name: [getattr(user, name), value] for name, value in changes.items() if getattr(user, name) != value}
    return {name: values if name in _PLAIN else None for name, values in different.items()}


_PLAIN = {"role", "status", "language", "wants_to_help", "on_duty", "devices_most", "is_superuser"}
