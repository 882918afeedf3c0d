"""People walk as people do."""

import itertools
import random

import pytest

from simulator.people.cast import SPEC_PLACE
from simulator.people.city import PLACES, Point
from simulator.people.life import GPS_MOST_M, Fix, Life, measured
from simulator.people.walking import RIDE_M_S, RUN_M_S, STROLL_M_S, Walk

HOUR_S = 3600
ROUNDING_M = 0.2
"""Points are kept to a millionth of a degree."""


def walked(seed: int, seconds: int = HOUR_S) -> list[tuple[Point, float]]:
    """Place and speed of each second."""
    walk = Walk(SPEC_PLACE, random.Random(seed))
    track = [(walk.place, walk.speed)]
    for _ in range(seconds):
        walk.second()
        track.append((walk.place, walk.speed))
    return track


@pytest.mark.parametrize("seed", range(8))
def test_nobody_is_ever_beamed(seed: int) -> None:
    for (before, _), (after, speed) in itertools.pairwise(walked(seed)):
        assert before.distance_m(after) == pytest.approx(speed, abs=ROUNDING_M)
        assert speed <= max(RIDE_M_S)


def test_people_stroll_rest_and_now_and_then_ride() -> None:
    speeds = [speed for seed in range(20) for _, speed in walked(seed)]
    strolling = sum(STROLL_M_S[0] <= speed <= STROLL_M_S[1] for speed in speeds)
    riding = sum(RIDE_M_S[0] <= speed <= RIDE_M_S[1] for speed in speeds)
    resting = speeds.count(0.0)
    assert strolling > riding > 0
    assert resting > len(speeds) / 10
    # Only the last metres to a goal may take any other pace.
    assert strolling + riding + resting > 0.99 * len(speeds)


def test_ways_lead_to_real_places() -> None:
    rests = {
        place for seed in range(10) for (before, _), (place, speed) in itertools.pairwise(walked(seed)) if not speed
    }
    visited = {name for name, place in PLACES.items() if any(place.distance_m(rest) < 85 for rest in rests)}
    assert len(visited) > 5


def test_nobody_walks_as_the_crow_flies() -> None:
    headings = set()
    walk = Walk(SPEC_PLACE, random.Random(4))
    for _ in range(HOUR_S):
        walk.second()
        if walk.speed:
            headings.add(round(walk.heading))
    assert len(headings) > 40
    assert all(0 <= heading <= 360 for heading in headings)


@pytest.mark.parametrize(("distance_m", "pace"), [(300.0, RUN_M_S), (3000.0, RIDE_M_S)])
def test_who_is_called_arrives_stays_and_goes_on(distance_m: float, pace: tuple[float, float]) -> None:
    walk, there = Walk(SPEC_PLACE, random.Random(5)), SPEC_PLACE.moved(distance_m, 2.0)
    walk.hurry_to(there)
    walk.second()
    assert pace[0] <= walk.speed <= pace[1]
    for _ in range(int(1.4 * distance_m / pace[0])):
        walk.second()
    assert walk.has_arrived
    assert walk.place == there
    walk.go_on()
    for _ in range(HOUR_S):
        walk.second()
    assert walk.place != there
    assert not walk.has_arrived


def test_gps_is_off_by_a_few_metres() -> None:
    dice = random.Random(6)
    errors = [SPEC_PLACE.distance_m(measured(SPEC_PLACE, dice)) for _ in range(500)]
    assert 2 < sum(errors) / len(errors) < 8
    assert max(errors) <= GPS_MOST_M + ROUNDING_M


def fixes(seed: int) -> list[Fix]:
    life = Life(seed, "helper 0", SPEC_PLACE)
    return [happening for happening in life.until(HOUR_S) if isinstance(happening, Fix)]


def test_fixes_come_every_half_minute_or_minute_never_in_step() -> None:
    first = {round(fixes(seed)[0].at_s, 2) for seed in range(20)}
    assert len(first) == 20
    pauses = [later.at_s - earlier.at_s for earlier, later in itertools.pairwise(fixes(1))]
    assert all(24 <= pause <= 72 for pause in pauses)
    assert len({round(pause, 2) for pause in pauses}) > len(pauses) / 2


def test_speed_and_direction_fit_the_movement() -> None:
    found = [fix for seed in range(10) for fix in fixes(seed)]
    assert any(fix.direction is None for fix in found)
    for fix in found:
        assert (fix.direction is None) == (fix.speed == 0)
        assert 0 <= fix.speed < max(RIDE_M_S) + 1
        assert fix.direction is None or 0 <= fix.direction < 360
        assert 0 < fix.battery_level <= 100


def test_who_hurries_reports_more_often() -> None:
    life = Life(1, "helper 0", SPEC_PLACE)
    list(life.until(60))
    life.hurry_to(SPEC_PLACE.moved(5000, 1))
    assert len(list(life.until(120))) >= 6
