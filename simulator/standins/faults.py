"""Faults a stand-in commits on request: which, how often, in what order."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    UNAVAILABLE = "unavailable"
    """503 with Retry-After."""
    THROTTLE = "throttle"
    """429 with Retry-After."""
    INTERNAL = "internal"
    """500."""
    INVALID = "invalid"
    """400, the request is called wrong."""
    BAD_TOKEN = "bad_token"  # noqa: S105
    """401 although the access token is good."""
    UNREGISTERED = "unregistered"
    """404, the app is said to be gone from the phone."""
    HANG = "hang"
    """No answer until the client gives up or the stand-in is told to let go; then as usual."""
    SLOW = "slow"
    """As usual, after `delay_s` seconds."""
    CUT = "cut"
    """The connection closes without an answer, nothing was done."""
    CUT_AFTER = "cut_after"
    """The connection closes without an answer, all was done."""
    SWALLOW = "swallow"
    """200, but the phone never hears of it."""


class BadScript(ValueError):
    """The script names an unknown kind or field."""


@dataclass
class Fault:
    """One entry of a script. `count` None: for ever. `retry_after` and `delay_s` in seconds."""

    kind: FaultKind
    count: int | None = None
    probability: float = 1.0
    retry_after: float = 1.0
    delay_s: float = 1.0
    token: str | None = None
    """Only for this phone."""
    at: str = "send"
    """`send`, or `token`: the request for an access token."""

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "Fault":
        """Raises BadScript."""
        unknown = set(entry) - {field.name for field in fields(cls)}
        if unknown:
            raise BadScript(f"unknown field: {', '.join(sorted(unknown))}")
        try:
            return cls(**{**entry, "kind": FaultKind(entry.get("kind", ""))})
        except ValueError as why:
            raise BadScript(str(why)) from None

    def concerns(self, at: str, token: str | None) -> bool:
        return self.count != 0 and self.at == at and self.token in (None, token)


class FaultScript:
    """The first entry that concerns a request and whose die falls right is committed; at most one a request."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self._faults = list(faults)
        self._dice = random.Random(seed)

    def next(self, at: str, token: str | None = None) -> Fault | None:
        for fault in self._faults:
            if fault.concerns(at, token) and self._dice.random() < fault.probability:
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None
