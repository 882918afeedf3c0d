"""Distances, names and places."""

import math
import random

import pytest

from simulator.people.cast import SPEC_PLACE
from simulator.people.city import PLACES, City, Point, around, nearest_place


def test_a_degree_of_latitude_is_111_km() -> None:
    assert Point(41, 69).distance_m(Point(42, 69)) == pytest.approx(111_195, rel=1e-3)


@pytest.mark.parametrize("bearing", [0.0, 1.0, 2.5, 4.0])
def test_moved_point_is_as_far_as_asked_and_in_that_direction(bearing: float) -> None:
    there = SPEC_PLACE.moved(3000, bearing)
    assert SPEC_PLACE.distance_m(there) == pytest.approx(3000, rel=2e-3)
    assert SPEC_PLACE.bearing(there) == pytest.approx(bearing, abs=0.01)


def test_bearings_go_clockwise_from_north() -> None:
    east, south = Point(41, 69).bearing(Point(41, 70)), Point(41, 69).bearing(Point(40, 69))
    assert (math.degrees(east), math.degrees(south)) == (pytest.approx(90), pytest.approx(180))


def test_all_places_lie_in_tashkent() -> None:
    centre = PLACES["Amir Temur Square"]
    assert len(PLACES) >= 15
    assert all(place.distance_m(centre) < 12_000 for place in PLACES.values())
    assert nearest_place(SPEC_PLACE) == "Friendship of Peoples Palace"


def test_ring_is_kept() -> None:
    dice = random.Random(1)
    distances = [SPEC_PLACE.distance_m(around(dice, SPEC_PLACE, 1000, 2000)) for _ in range(200)]
    assert all(990 < distance < 2010 for distance in distances)
    assert min(distances) < 1200
    assert max(distances) > 1900


def test_same_seed_makes_the_same_names_and_nobody_shares_one() -> None:
    def people() -> list[tuple[str, str]]:
        city = City(7)
        return [(city.name(), city.phone_number()) for _ in range(40)]

    assert people() == people()
    assert len({number for _, number in people()}) == 40
    assert len({name for name, _ in people()}) == 40
