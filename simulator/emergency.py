"""One event as the demo sees it."""

from dataclasses import dataclass, field

from .client import Helper
from .people.cast import Resident
from .people.city import Point
from .people.falls import Fall

STATES = {
    "calling": "red",
    "on the way": "yellow",
    "on scene": "green",
    "helped": "dim",
    "handed over": "dim",
    "cut short": "dim",
}
OVER = ("helped", "handed over", "cut short")


@dataclass
class Emergency:
    """`sent_at` in seconds since 1970; `close_at_s`, when the dispatcher will close it, in those of the city's life."""

    number: int
    uid: str
    faller: Resident
    fall: Fall
    place: Point
    sent_at: float
    answered_ms: float
    close_at_s: float
    coming: list[Helper] = field(default_factory=list)
    considered_by: set[str] = field(default_factory=set)
    """The push tokens of those who make up their mind, or have."""
    declined: int = 0
    state: str = "calling"
    nobody_free: bool = False
    """Nobody's phone rang, and nobody could have been called."""

    @property
    def is_over(self) -> bool:
        return self.state in OVER
