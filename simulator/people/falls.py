"""When somebody falls or presses, what the watch makes of it, and whether it says so twice."""

import random
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

T = TypeVar("T")

RECOVERY_S = 360.0
"""So long one lies, is helped and falls no second time; longer than any dispatcher waits for helpers."""
KINDS = {"FALL_DETECTED": 55, "MANUAL_TRIGGER": 38, "OTHER": 7}
SEVERITIES = {
    "FALL_DETECTED": {2: 15, 3: 35, 4: 35, 5: 15},
    "MANUAL_TRIGGER": {3: 40, 4: 40, 5: 20},
    "OTHER": {1: 40, 2: 40, 3: 20},
}
IMPACT_G = 1.2
REPEATED = 0.2
REPEATED_AFTER_S = (2.0, 20.0)


class Fall(NamedTuple):
    """`at_s`: seconds of the city's life. `repeats_after_s`: when the watch sends it again, seconds after."""

    at_s: float
    kind: str
    severity: int
    impact_g: float
    repeats_after_s: tuple[float, ...]


def falls(dice: random.Random, mean_s: float) -> Iterator[Fall]:
    """One wearer's, without end: a Poisson process of one in `mean_s` seconds, paused while recovering."""
    at_s = 0.0
    while True:
        at_s += dice.expovariate(1 / mean_s)
        yield _fall(dice, at_s)
        at_s += RECOVERY_S


def _fall(dice: random.Random, at_s: float) -> Fall:
    kind = _drawn(dice, KINDS)
    severity = _drawn(dice, SEVERITIES[kind])
    impact_g = round(severity * IMPACT_G * dice.uniform(0.8, 1.4), 2) if kind == "FALL_DETECTED" else 0.0
    repeats = dice.choice((1, 1, 2)) if dice.random() < REPEATED else 0
    return Fall(at_s, kind, severity, impact_g, tuple(sorted(dice.uniform(*REPEATED_AFTER_S) for _ in range(repeats))))


def _drawn(dice: random.Random, shares: dict[T, int]) -> T:
    return dice.choices(list(shares), list(shares.values()))[0]
