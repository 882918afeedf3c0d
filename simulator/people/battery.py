"""The battery of a watch or a phone: falls with time, movement and reports, is charged when its owner thinks of it."""

import math
import random

IDLE_PER_S = 0.1 / 60
MOVING_PER_S = 0.15 / 60
REPORT = 0.03
CHARGED_PER_S = 1.5 / 60
PLUGGED_IN_AT = (0, 10, 15, 25)
"""Per cent; those with 0 never think of it, and their device goes dark."""
DARK_S = (120.0, 480.0)
CHARGED_ELSEWHERE = (40.0, 80.0)


class Battery:
    """All levels in per cent."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.level = dice.uniform(1, 100)
        self.is_charging = False
        self._plugged_in_at = dice.choice(PLUGGED_IN_AT)
        self._dark_s = 0.0

    @property
    def percent(self) -> int:
        """As the device reports it; 0 only when it is empty."""
        return math.ceil(self.level)

    @property
    def is_empty(self) -> bool:
        return self.level <= 0

    def second(self, *, moving: bool) -> None:
        """Lives through one second. Charging needs a person who stands still, and goes on until they move."""
        if self.is_empty:
            self._wait_for_power()
            return
        self.is_charging = not moving and (self.is_charging or self.level < self._plugged_in_at)
        drained = IDLE_PER_S + (MOVING_PER_S if moving else 0)
        self._change(CHARGED_PER_S if self.is_charging else -drained)

    def spend_on_report(self) -> None:
        if not self.is_empty:
            self._change(-REPORT)

    def _change(self, by: float) -> None:
        self.level = max(0.0, min(100.0, self.level + by))
        if self.is_empty:
            self.is_charging, self._dark_s = False, self._dice.uniform(*DARK_S)

    def _wait_for_power(self) -> None:
        self._dark_s -= 1
        if self._dark_s <= 0:
            self.level = self._dice.uniform(*CHARGED_ELSEWHERE)
