"""Where a notification goes: one function a channel. A gateway or provider is chosen elsewhere, in transports/."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.users.models import EmergencyContact, User
from mdd_backend.database import prepared

from .. import sql
from ..models import Channel, Notification
from .queueing import PUSH_TOKEN_LIVES
from .texts import Reader, text_for

# What a notification's row says when its person has no address on the channel.
NOBODY = {Channel.FCM.value: "no push token", Channel.SMS.value: "no phone number"}


@dataclass(frozen=True)
class Address:
    """One address of one person. token_id: of its push token, which may die; text: what a phone as such is to show."""

    to: str
    platform: str = ""
    token_id: int | None = None
    text: str = ""


def addresses_of(channel: str, notifications: Sequence[Notification]) -> dict[int, list[Address]]:
    """The addresses of each notification, by its id."""
    return _FINDERS[channel](notifications)


def _apps(notifications: Sequence[Notification]) -> dict[int, list[Address]]:
    by_user: dict[int, list[Address]] = defaultdict(list)
    people = list({n.user_id for n in notifications})
    for user_id, *address in prepared.rows(sql.TOKENS_IN_USE, [people, PUSH_TOKEN_LIVES]):
        by_user[user_id].append(Address(*address))
    return {n.pk: by_user[n.user_id] for n in notifications}


def readers_of(notifications: Sequence[Notification]) -> dict[int, Reader | None]:
    """By the id of each, whose phone it goes to; None: they have none, or are a contact no more."""
    people = User.objects.exclude(phone_number=None).in_bulk({n.user_id for n in notifications})
    asked = EmergencyContact.objects.select_related("owner")
    contacts = asked.in_bulk({n.contact_id for n in notifications if n.contact_id})
    return {n.pk: contacts.get(n.contact_id) if n.contact_id else people.get(n.user_id) for n in notifications}


def _phones(notifications: Sequence[Notification]) -> dict[int, list[Address]]:
    readers = readers_of(notifications)
    return {n.pk: [_phone(n, reader)] if (reader := readers[n.pk]) else [] for n in notifications}


def _phone(notification: Notification, reader: Reader) -> Address:
    return Address(str(reader.phone_number), text=text_for(notification, reader))


_Finder = Callable[[Sequence[Notification]], dict[int, list[Address]]]
_FINDERS: dict[str, _Finder] = {Channel.FCM.value: _apps, Channel.SMS.value: _phones}
