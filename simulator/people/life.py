"""One person's hours in the city: where they are, what their device reports, when they fall. No service needed."""

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from .battery import Battery
from .city import Point
from .dice import dice
from .falls import RECOVERY_S, Fall
from .walking import Walk

INTERVAL_S = (30.0, 60.0)
HURRIED_INTERVAL_S = (5.0, 10.0)
JITTER = (0.8, 1.2)
GPS_SIGMA_M, GPS_MOST_M = 4.0, 15.0


class Fix(NamedTuple):
    """What the device measures. `speed` in metres per second, `direction` in degrees from north, None at rest."""

    at_s: float
    place: Point
    speed: float
    direction: float | None
    battery_level: int


class Signal(NamedTuple):
    """The wearer falls; with an empty battery (0) nobody hears of it."""

    fall: Fall
    place: Point
    battery_level: int


class Life:
    """Whatever happens to one person, in seconds of the city's life; decided by `seed` and the person's `key`.

    The way is walked in steps of one second, however seldom one asks: it depends on nothing but the dice, until the
    service calls the person away (`hurry_to`).
    """

    def __init__(self, seed: int, key: str, home: Point, falls: Iterator[Fall] | None = None) -> None:
        self.walk = Walk(home, dice(seed, key, "walk"))
        self.battery = Battery(dice(seed, key, "battery"))
        self._dice = dice(seed, key, "device")
        self._falls = falls or iter(())
        self._fall = next(self._falls, None)
        self._interval_s = self._dice.uniform(*INTERVAL_S)
        self._fix_at_s = self._dice.uniform(0, self._interval_s)
        self._lived_s = 0

    def until(self, now_s: float) -> Iterator[Fix | Signal]:
        """What happens up to then and has not been told yet, in order."""
        while min(self._fix_at_s, self._fall_at_s) <= now_s:
            if self._fall is not None and self._fall_at_s <= self._fix_at_s:
                yield self._signal(self._fall)
            else:
                yield from self._report()
        self._live(now_s)

    def hurry_to(self, place: Point) -> None:
        self.walk.hurry_to(place)
        self._fix_at_s = min(self._fix_at_s, self._lived_s + self._dice.uniform(*HURRIED_INTERVAL_S))

    @property
    def _fall_at_s(self) -> float:
        return self._fall.at_s if self._fall else math.inf

    def _live(self, to_s: float) -> None:
        while self._lived_s + 1 <= to_s:
            self.walk.second()
            self.battery.second(moving=self.walk.speed > 0)
            self._lived_s += 1

    def _signal(self, fall: Fall) -> Signal:
        self._live(fall.at_s)
        self._fall = next(self._falls, None)
        self.walk.stay(RECOVERY_S)
        return Signal(fall, measured(self.walk.place, self._dice), self.battery.percent)

    def _report(self) -> Iterator[Fix]:
        """Nothing while the battery is empty."""
        at_s = self._fix_at_s
        self._live(at_s)
        self._fix_at_s = at_s + self._pause_s()
        self.battery.spend_on_report()
        if not self.battery.is_empty:
            yield self._fix(at_s)

    def _pause_s(self) -> float:
        if self.walk.is_hurrying:
            return self._dice.uniform(*HURRIED_INTERVAL_S)
        return self._interval_s * self._dice.uniform(*JITTER)

    def _fix(self, at_s: float) -> Fix:
        place = measured(self.walk.place, self._dice)
        if not self.walk.speed:
            return Fix(at_s, place, 0.0, None, self.battery.percent)
        speed = max(0.0, self.walk.speed + self._dice.gauss(0, 0.1))
        direction = (self.walk.heading + self._dice.gauss(0, 5)) % 360
        return Fix(at_s, place, round(speed, 2), round(direction, 1) % 360, self.battery.percent)


def measured(place: Point, dice: random.Random) -> Point:
    """Where GPS thinks one is: off by a few metres."""
    off_m = min(GPS_MOST_M, math.hypot(dice.gauss(0, GPS_SIGMA_M), dice.gauss(0, GPS_SIGMA_M)))
    return place.moved(off_m, dice.uniform(0, 2 * math.pi))
