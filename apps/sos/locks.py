"""The advisory locks of the service, held until the transaction ends, always taken in this order: signal, (row locks:
the event, its own alerts, claims), texts (3, notifications/sql.py), journal."""

from datetime import datetime

from mdd_backend.database import prepared

_SIGNAL_OF_DEVICE, _SIGNAL_OF_USER, JOURNAL = (kind << 56 for kind in (1, 2, 4))


def hold_signals(user_id: int, device_id: int | None, *, is_established: bool) -> datetime:
    """One signal of a device at a time, and one of a person's without one or of devices that are not established, whose
    events are counted; when this one's turn has come.
    """
    keys = [] if is_established else [_SIGNAL_OF_USER | user_id]
    keys += [_SIGNAL_OF_DEVICE | device_id] if device_id else []
    time: datetime = prepared.rows(_HOLD_FIRST, [keys])[0][0]
    return time


_HOLD_FIRST = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) key)
SELECT clock_timestamp() FROM (SELECT count(*) FROM held) done
"""
