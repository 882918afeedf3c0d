"""Distances and the city's people."""

import pytest

from simulator.city import PLACES, City, Point, nearest_place
from simulator.population import SPEC_PLACE


def test_a_degree_of_latitude_is_111_km() -> None:
    assert Point(41, 69).distance_m(Point(42, 69)) == pytest.approx(111_195, rel=1e-3)


@pytest.mark.parametrize("bearing", [0.0, 1.0, 2.5, 4.0])
def test_moved_point_is_as_far_as_asked(bearing: float) -> None:
    assert SPEC_PLACE.distance_m(SPEC_PLACE.moved(3000, bearing)) == pytest.approx(3000, rel=2e-3)


def test_going_towards_a_place_ends_there() -> None:
    there = SPEC_PLACE.moved(100, 1)
    assert SPEC_PLACE.towards(there, 40).distance_m(there) == pytest.approx(60, abs=1)
    assert SPEC_PLACE.towards(there, 500) == there


def test_all_places_lie_in_tashkent() -> None:
    centre = PLACES["Amir Temur Square"]
    assert len(PLACES) >= 15
    assert all(place.distance_m(centre) < 12_000 for place in PLACES.values())
    assert nearest_place(SPEC_PLACE) == "Friendship of Peoples Palace"


def test_same_seed_makes_the_same_city() -> None:
    def people() -> list[tuple[str, str, Point]]:
        city = City(7)
        return [(city.name(), city.phone_number(), city.somewhere()) for _ in range(40)]

    assert people() == people()
    assert len({number for _, number, _ in people()}) == 40
    assert len({name for name, _, _ in people()}) == 40


def test_demo_has_helpers_for_every_wave() -> None:
    distances = [SPEC_PLACE.distance_m(place) for place in City(1).helpers_around(SPEC_PLACE, 40)]
    assert sum(distance < 1500 for distance in distances) > 8
    assert sum(1500 < distance < 3000 for distance in distances) > 8
    assert sum(distance > 3000 for distance in distances) > 8
