"""Which dispatchers have a console open: with none, they are alarmed over other channels."""

from collections import Counter

from django.db.models.functions import Now

from apps.sos.models import ConsolePresence
from apps.sos.rules.looks import keep_feed_looks

EVERY_S = 15.0
_open: Counter[int] = Counter()  # this process's sockets by account; touched in the event loop only


def opened(user_id: int) -> None:
    """One more socket of the account is open in this process."""
    _open[user_id] += 1


def closed(user_id: int) -> bool:
    """True when it was the account's last socket here."""
    _open[user_id] -= 1
    return _open[user_id] <= 0


def beat(user_id: int) -> None:
    """Notes that the console is there, and whose places it is shown."""
    ConsolePresence.objects.update_or_create(user_id=user_id, defaults={"seen_at": Now()})
    keep_feed_looks(user_id)


def leave(user_id: int) -> None:
    """Another process where the account has a console open says so again within EVERY_S."""
    ConsolePresence.objects.filter(user_id=user_id).delete()
