"""The advisory locks of the service, always taken in this order: signal, (row locks), dispatch, journal."""

from django.db import connection

_SIGNAL_OF_DEVICE, _SIGNAL_OF_USER, _DISPATCH, _JOURNAL = (kind << 56 for kind in (1, 2, 3, 4))


def _hold(key: int) -> None:
    """Until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def hold_signals(user_id: int, device_id: int | None) -> None:
    """One signal of a device (or of a person without one) at a time."""
    _hold(_SIGNAL_OF_USER | user_id if device_id is None else _SIGNAL_OF_DEVICE | device_id)


def hold_dispatch() -> None:
    """One wave is being chosen at a time, so that a phone rings for one event."""
    _hold(_DISPATCH)


def hold_journal() -> None:
    """The order of positions is the order of commits: take it as the transaction's last step."""
    _hold(_JOURNAL)
