"""The advisory locks of the service, held until the transaction ends, always taken in this order: signal, (row locks:
the event, its own alerts, claims), journal."""

from datetime import datetime

from mdd_backend.database import prepared

_SIGNAL_OF_DEVICE, _SIGNAL_OF_USER, JOURNAL = (kind << 56 for kind in (1, 2, 4))


def hold_signals(user_id: int, device_id: int | None) -> datetime:
    """One signal of a device (or of a person without one) at a time; when this one's turn has come."""
    key = _SIGNAL_OF_USER | user_id if device_id is None else _SIGNAL_OF_DEVICE | device_id
    time: datetime = prepared.rows(_HOLD_FIRST, [key])[0][0]
    return time


_HOLD_FIRST = "SELECT clock_timestamp() FROM (SELECT pg_advisory_xact_lock(%s) OFFSET 0) AS held"
