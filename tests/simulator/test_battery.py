"""Batteries fall, are charged, and sometimes are forgotten."""

import random
from itertools import pairwise

from simulator.people.battery import CHARGED_ELSEWHERE, DARK_S, Battery
from simulator.people.cast import SPEC_PLACE
from simulator.people.life import Fix, Life


def battery(level: float, plugged_in_at: int) -> Battery:
    made = Battery(random.Random(1))
    made.level, made._plugged_in_at = level, plugged_in_at
    return made


def after(seconds: int, one: Battery, *, moving: bool) -> float:
    for _ in range(seconds):
        one.second(moving=moving)
    return one.level


def test_walking_costs_more_than_resting_and_reports_cost_too() -> None:
    resting, walking = after(600, battery(80, 0), moving=False), after(600, battery(80, 0), moving=True)
    assert 80 > resting > walking > 75
    reporting = battery(80, 0)
    reporting.spend_on_report()
    assert reporting.level < 80


def test_low_battery_is_charged_where_one_rests_and_no_further_than_full() -> None:
    one = battery(15, 25)
    assert after(60, one, moving=True) < 15
    assert not one.is_charging
    assert after(60, one, moving=False) > 15
    assert one.is_charging
    assert after(2 * 3600, one, moving=False) == 100


def test_forgotten_device_goes_dark_and_comes_back_charged() -> None:
    one = battery(0.01, 0)
    after(60, one, moving=False)
    assert one.is_empty
    assert one.percent == 0
    for _ in range(3):
        one.spend_on_report()
    after(round(DARK_S[1]), one, moving=False)
    assert CHARGED_ELSEWHERE[0] - 2 < one.percent <= CHARGED_ELSEWHERE[1]


def test_level_is_reported_in_whole_per_cent_and_0_only_when_empty() -> None:
    assert battery(0.2, 0).percent == 1
    assert battery(79.5, 0).percent == 80


def test_dark_device_is_silent_and_is_heard_again() -> None:
    life = Life(1, "helper 0", SPEC_PLACE)
    life.battery.level, life.battery._plugged_in_at = 0.1, 0
    times = [happening.at_s for happening in life.until(1800) if isinstance(happening, Fix)]
    silences = [later - earlier for earlier, later in pairwise([0.0, *times])]
    assert max(silences) > DARK_S[0]
    assert times[-1] > 1700
