"""The advisory locks of the service, held until the transaction ends, always taken in this order: signal, (row locks),
helper, dispatch, journal."""

from datetime import datetime

from mdd_backend.database import prepared

_SIGNAL_OF_DEVICE, _SIGNAL_OF_USER, _DISPATCH, JOURNAL, _HELPER = (kind << 56 for kind in (1, 2, 3, 4, 5))


def hold_signals(user_id: int, device_id: int | None) -> datetime:
    """One signal of a device (or of a person without one) at a time; when this one's turn has come."""
    key = _SIGNAL_OF_USER | user_id if device_id is None else _SIGNAL_OF_DEVICE | device_id
    time: datetime = prepared.rows(_HOLD_FIRST, [key])[0][0]
    return time


_HOLD_FIRST = "SELECT clock_timestamp() FROM (SELECT pg_advisory_xact_lock(%s) OFFSET 0) AS held"


def hold_helper(user_id: int) -> None:
    """One decision at a time about where a helper goes, so that nobody covers two emergencies."""
    prepared.rows("SELECT pg_advisory_xact_lock(%s)", [_HELPER | user_id])


def hold_dispatch() -> None:
    """One wave is being chosen at a time, so that a phone rings for one event."""
    prepared.rows("SELECT pg_advisory_xact_lock(%s)", [_DISPATCH])
