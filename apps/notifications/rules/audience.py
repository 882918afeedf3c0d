"""The one thing notifications ask of those who call for them; `sos` registers itself here at start."""

from collections.abc import Callable, Sequence

from ..models import Notification

# Given notifications that are about to be sent, the ids of those still needed.
StillNeeded = Callable[[Sequence[Notification]], set[int]]
# Told, as the last step of the transaction, which notifications changed state.
Settled = Callable[[Sequence[Notification]], None]


class _Audience:
    def __init__(self) -> None:
        self.still_needed: StillNeeded = lambda notifications: {n.pk for n in notifications}
        self.settled: Settled = lambda notifications: None


audience = _Audience()


def register(still_needed: StillNeeded, settled: Settled) -> None:
    audience.still_needed, audience.settled = still_needed, settled
