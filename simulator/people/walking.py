"""How a person moves through the city, second by second; no clock is looked at here."""

import math
import random

from .city import PLACES, Point, around

STROLL_M_S = (1.1, 1.6)
RUN_M_S = (2.2, 3.2)
RIDE_M_S = (8.0, 12.0)
RUN_AT_MOST_M = 500.0
"""Whoever hurries further than this takes a ride."""
RIDERS, RIDES = 0.3, 0.3
"""The share of people who ride at all, and of their ways that they ride."""
HOMEBODIES = 0.25
"""The share of people who rest ten times as long."""
HOMEWARD = 0.25
NEAR_PLACES = 5
BETWEEN_PAUSES_S, PAUSE_S = 150, (5, 30)
MEDIAN_REST_S = 60.0
MOST_DRIFT = math.radians(40)
UNHURRIED_M = 100.0
"""The last metres to a goal are walked straighter and straighter."""


class Walk:
    """One person's way, decided by `dice`: to a place, a rest, on to the next, now and then home.

    `speed` in metres per second, `heading` in degrees clockwise from north; of the second just gone.
    """

    def __init__(self, home: Point, dice: random.Random) -> None:
        self.place = home
        self.speed = 0.0
        self.heading = 0.0
        self.is_hurrying = False
        self._home = home
        self._dice = dice
        self._rides = dice.random() < RIDERS
        self._rest_factor = 10 if dice.random() < HOMEBODIES else 1
        self._rest_s: float = dice.uniform(0, MEDIAN_REST_S) * self._rest_factor
        self._goal: Point | None = None
        self._pace = 0.0
        self._drift = 0.0

    @property
    def has_arrived(self) -> bool:
        """Where one was told to hurry to."""
        return self.is_hurrying and self._goal is None

    def second(self) -> None:
        """Lives through one second."""
        self.speed = 0.0
        if self._rest_s > 0:
            self._rest_s -= 1
            return
        if self._goal is None:
            self._goal = self._next_goal()
        self._step(self._goal)
        if not self.is_hurrying and self._dice.random() < 1 / BETWEEN_PAUSES_S:
            self._rest_s = self._dice.uniform(*PAUSE_S)

    def hurry_to(self, place: Point) -> None:
        """Runs or rides there at once, without a pause, and stays until `go_on`."""
        near = self.place.distance_m(place) <= RUN_AT_MOST_M
        self._goal, self._pace = place, self._dice.uniform(*(RUN_M_S if near else RIDE_M_S))
        self._rest_s, self.is_hurrying = 0.0, True

    def stay(self, seconds: float) -> None:
        self._goal, self._rest_s = None, seconds

    def go_on(self) -> None:
        """Back to one's own ways after hurrying."""
        self.is_hurrying = False
        self.stay(self._dice.uniform(*PAUSE_S))

    def _next_goal(self) -> Point:
        ride = self._rides and self._dice.random() < RIDES
        self._pace = self._dice.uniform(*(RIDE_M_S if ride else STROLL_M_S))
        if self._dice.random() < HOMEWARD:
            return self._home
        by_distance = sorted(PLACES.values(), key=self.place.distance_m)
        return around(self._dice, self._dice.choice(by_distance if ride else by_distance[:NEAR_PLACES]), 0, 80)

    def _step(self, goal: Point) -> None:
        way_m = self.place.distance_m(goal)
        if way_m <= self._pace:
            self.place, self.speed = goal, way_m
            self._arrive()
            return
        bearing = self.place.bearing(goal) + self._drifted() * min(1.0, way_m / UNHURRIED_M)
        self.place, self.speed = self.place.moved(self._pace, bearing), self._pace
        self.heading = math.degrees(bearing) % 360

    def _drifted(self) -> float:
        """People do not walk as the crow flies; radians."""
        wandering = 0.95 * self._drift + self._dice.gauss(0, 0.08)
        self._drift = max(-MOST_DRIFT, min(MOST_DRIFT, wandering))
        return self._drift

    def _arrive(self) -> None:
        if self.is_hurrying:
            self.stay(math.inf)
        else:
            self.stay(self._dice.lognormvariate(math.log(MEDIAN_REST_S), 0.8) * self._rest_factor)
