"""What a benchmark found, beside what it is measured by."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """A figure and its yardstick, both in `unit` and of the same run. The aim is a bound of value / yardstick."""

    name: str
    value: float
    unit: str
    yardstick: float | None = None
    by: str = ""
    """What the yardstick is."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.yardstick if self.yardstick else None

    @property
    def aim(self) -> str | None:
        if self.at_least is not None:
            return f"≥ {self.at_least:g} ×"
        return f"≤ {self.at_most:g} ×" if self.at_most is not None else None

    @property
    def met(self) -> bool | None:
        """None: nothing was aimed at."""
        if self.ratio is None or self.aim is None:
            return None
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "value": self.value, "unit": self.unit, "yardstick": self.yardstick,
            "ratio": self.ratio, "aim": self.aim, "met": self.met,
        }  # fmt: skip
