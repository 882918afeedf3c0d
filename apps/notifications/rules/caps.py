"""Whether a text message may go: the one gate of all of them, passed once, just before the first try to send.

What stands in for a push that the phone has shown never comes here, so it counts nowhere. The first text to each number
on behalf of an account and day always goes; what counts against which cap is the table in docs/operations.md. Looking
and counting are one step, under a lock that is held until the claim of the batch commits.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from apps.users.models import EmergencyContact
from apps.users.rules.contacts import MOST_CONTACTS
from apps.users.rules.countries import country_of, may_be_texted
from mdd_backend.database import prepared
from mdd_backend.database.clock import now

from .. import sql
from ..kinds import MessageKind
from ..models import Notification, State, TextCap, TextCount
from .addresses import readers_of
from .audience import audience
from .queueing import can_send_texts, change
from .texts import Reader

# Of so many contacts' numbers a day the first text goes whatever is full: who takes others all day long asks for more.
FIRST_TO_CONTACTS_MOST = 2 * MOST_CONTACTS
Key = tuple[TextCap, str]

# Limited where they are asked for (one a minute, five an hour), or few: they wait for no cap.
UNCAPPED = {MessageKind.PASSWORD_RESET, MessageKind.PHONE_CODE, MessageKind.OPERATORS_ALARM}
# They ask for help: the first of a day goes, whatever else has gone to the number on behalf of the account.
CALLS = {MessageKind.CONTACT_ALARM, MessageKind.SOS_ALERT, MessageKind.ASSIGNED, MessageKind.DISPATCHER_ALARM}
# To those who help: capped by the account that needs the help and by nothing that others may fill. A cap of their own,
# since hours of one event that nobody takes must not cost it the alarm of a contact.
TO_HELPERS = {
    MessageKind.SOS_ALERT,
    MessageKind.ASSIGNED,
    MessageKind.STAND_DOWN,
    MessageKind.STILL_COMING,
    MessageKind.RELEASED,
    MessageKind.WEARER_MOVED,
    MessageKind.PLACE_UNSAFE,
    MessageKind.DISPATCHER_ALARM,
}


def limits() -> dict[TextCap, int]:
    """The caps that are set, by what they count."""
    wanted = {
        TextCap.ACCOUNT: settings.SMS_PER_ACCOUNT,
        TextCap.HELPERS: settings.SMS_TO_HELPERS_PER_ACCOUNT,
        TextCap.NUMBER: settings.SMS_PER_NUMBER,
        TextCap.COUNTRY: settings.SMS_PER_COUNTRY,
        TextCap.DAY: settings.SMS_PER_DAY,
    }
    return {cap: most for cap, most in wanted.items() if most}


@dataclass(frozen=True)
class _Text:
    """A text, its reader, and what it counts by."""

    notification: Notification
    reader: Reader
    keys: dict[TextCap, str]

    @property
    def is_for_contact(self) -> bool:
        return isinstance(self.reader, EmergencyContact)

    @property
    def caps(self) -> tuple[TextCap, ...]:
        """By which it is capped unless it is the first."""
        kind = self.notification.kind
        if kind in UNCAPPED:
            return ()
        is_wanted = isinstance(self.reader, EmergencyContact) and self.reader.is_confirmed
        if kind in TO_HELPERS:
            return (TextCap.HELPERS,)
        if kind == MessageKind.CONTACT_ALARM and is_wanted:
            return (TextCap.ACCOUNT,)
        return (TextCap.ACCOUNT, TextCap.NUMBER, TextCap.COUNTRY, TextCap.DAY)


def _text(notification: Notification, reader: Reader, account: int) -> _Text:
    number = salted_hmac("notifications.text_count", str(reader.phone_number)).hexdigest()[:32]
    keys = {
        TextCap.ACCOUNT: str(account),
        TextCap.HELPERS: str(account),
        TextCap.CONTACTS: str(account),
        TextCap.PAIR: f"{account} {number}",
        TextCap.CALLS: f"{account} {number}",
        TextCap.NUMBER: number,
        TextCap.COUNTRY: country_of(reader.phone_number),
        TextCap.DAY: "",
    }
    return _Text(notification, reader, keys)


def refuse_texts(batch: Sequence[Notification]) -> list[Notification]:
    """Drops, of texts that are about to be sent, those that may not go; each says why. Within the claim."""
    if not batch or not can_send_texts():
        return []
    readers = readers_of(batch)
    why: dict[int, str] = {n.pk: reason for n in batch if (reason := _never(readers[n.pk]))}
    new = [n for n in batch if n.pk not in why and n.attempts == 0]
    wearers = audience().wearers(new)
    why |= _count([_text(n, reader, wearers.get(n.pk, n.user_id)) for n in new if (reader := readers[n.pk])])
    refused = [n for n in batch if n.pk in why]
    for reason in sorted(set(why.values())):
        change([n for n in refused if why[n.pk] == reason], State.DROPPED, reason)
    return refused


def _never(reader: Reader | None) -> str:
    """Why nothing at all goes to this phone; of nobody, delivery says it."""
    if reader is None:
        return ""
    if isinstance(reader, EmergencyContact) and reader.refused_at:
        return "refused: does not want to be a contact"
    return "" if may_be_texted(reader.phone_number) else "country: not in SMS_COUNTRIES"


def _count(texts: Sequence[_Text]) -> dict[int, str]:
    """Counts those that may go; of the others, by id, which cap is full."""
    if not texts:
        return {}
    day: date = prepared.rows(sql.HOLD_TEXTS, [])[0][0]
    counted, more, why = _counted(day, texts), Counter[Key](), {}
    for text in texts:
        if full := _full(text, counted):
            why[text.notification.pk] = f"capped: {full.value}"
        else:
            raised = _raised(text, counted)
            counted.update(raised)
            more.update(raised)
    _keep(day, more)
    return why


def _counted(day: date, texts: Sequence[_Text]) -> Counter[Key]:
    asked = {key for text in texts for key in text.keys.items()}
    values = {"day": day, "caps": [cap.value for cap, _ in asked], "keys": [key for _, key in asked]}
    return Counter({(TextCap(cap), key): count for cap, key, count in prepared.rows(sql.TEXTS_COUNTED, values)})


def _keep(day: date, more: Counter[Key]) -> None:
    keys = list(more)
    values: dict[str, Any] = {"day": day, "caps": [cap.value for cap, _ in keys], "keys": [key for _, key in keys]}
    prepared.rows(sql.COUNT_TEXTS, values | {"more": [more[key] for key in keys]})


def _is_first(text: _Text, counted: Counter[Key]) -> bool:
    """Whether no text, or no call for help, has gone to the number on behalf of the account today."""
    before = {cap: counted[cap, text.keys[cap]] for cap in (TextCap.PAIR, TextCap.CALLS, TextCap.CONTACTS)}
    if before[TextCap.CALLS if text.notification.kind in CALLS else TextCap.PAIR]:
        return False
    is_known = before[TextCap.PAIR] > 0 or not text.is_for_contact
    return is_known or before[TextCap.CONTACTS] < FIRST_TO_CONTACTS_MOST


def _full(text: _Text, counted: Counter[Key]) -> TextCap | None:
    """The cap that it meets; None: it may go."""
    if _is_first(text, counted):
        return None
    most = limits()
    return next((cap for cap in text.caps if cap in most and counted[cap, text.keys[cap]] >= most[cap]), None)


def _raised(text: _Text, counted: Counter[Key]) -> list[Key]:
    """What one more raises: of its account only what is not the first, and nothing that others may ask for."""
    raised = [TextCap.COUNTRY, TextCap.DAY]
    if text.notification.kind not in UNCAPPED:
        raised += [TextCap.PAIR, TextCap.NUMBER]
        if text.notification.kind in CALLS:
            raised.append(TextCap.CALLS)
        if not _is_first(text, counted):
            raised.append(TextCap.HELPERS if text.notification.kind in TO_HELPERS else TextCap.ACCOUNT)
        if text.is_for_contact and not counted[TextCap.PAIR, text.keys[TextCap.PAIR]]:
            raised.append(TextCap.CONTACTS)
    return [(cap, text.keys[cap]) for cap in raised]


def caps_met() -> bool:
    """Whether today's texts have met the cap of a country or of the whole installation."""
    most = limits()
    today = TextCount.objects.filter(day=now().date())
    return any(
        today.filter(cap=cap, count__gte=most[cap]).exists() for cap in (TextCap.COUNTRY, TextCap.DAY) if cap in most
    )


def forget_counts() -> int:
    """Forgets the counts of days before yesterday; returns how many."""
    return TextCount.objects.filter(day__lt=now().date() - timedelta(days=1)).delete()[0]
