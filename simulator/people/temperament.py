"""What a helper does when the phone rings: some come, some decline, some do not answer at all."""

import math
import random
from typing import NamedTuple

WILLINGNESS = (4.0, 2.5)
"""Shapes of the beta distribution: most would come to about two of three calls next door."""
FALLOFF_M = 4000.0
"""So far away, about a third of those who would come next door still come."""
MEDIAN_REACTION_S = (3.0, 12.0)
SPREAD = 0.6
REACTION_S = (1.0, 90.0)


class Answer(NamedTuple):
    """`status` as the API calls it, None: no answer. `after_s`: seconds since the ring."""

    status: str | None
    after_s: float


class Temperament:
    def __init__(self, dice: random.Random) -> None:
        self.willingness = dice.betavariate(*WILLINGNESS)
        self._politeness = dice.uniform(0.3, 0.95)
        self._median_s = dice.uniform(*MEDIAN_REACTION_S)

    def chance_to_come(self, distance_m: float) -> float:
        """To an event that the push says is so far away."""
        return self.willingness * math.exp(-distance_m / FALLOFF_M)

    def answer(self, distance_m: float, dice: random.Random) -> Answer:
        """With `dice` of this helper and this event alone: however often asked, the same."""
        luck, manners = dice.random(), dice.random()
        least_s, most_s = REACTION_S
        after_s = max(least_s, min(most_s, dice.lognormvariate(math.log(self._median_s), SPREAD)))
        if luck < self.chance_to_come(distance_m):
            return Answer("ACCEPTED", after_s)
        return Answer("DECLINED" if manners < self._politeness else None, after_s)
