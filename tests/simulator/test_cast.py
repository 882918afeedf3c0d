"""Who lives in the city, and that a seed makes the same lives again."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from simulator.people.cast import BETWEEN_FALLS_S, SPEC_PLACE, Cast, split
from simulator.people.falls import RECOVERY_S
from simulator.people.life import Fix, Life, Signal

TEN_MINUTES_S = 600


def lives(cast: Cast) -> Iterator[Life]:
    yield from (cast.life_of_wearer(wearer) for wearer in cast.wearers)
    yield from (cast.life_of_helper(helper) for helper in cast.helpers)


def script(cast: Cast, step_s: float = TEN_MINUTES_S) -> list[list[Fix | Signal]]:
    """What happens to each in ten minutes, looked at every `step_s` seconds."""
    moments = [step_s * number for number in range(1, round(TEN_MINUTES_S / step_s) + 1)]
    return [[happening for now_s in moments for happening in life.until(now_s)] for life in lives(cast)]


@pytest.mark.parametrize(
    ("people", "wearers", "helpers"), [(3, 1, 2), (9, 1, 8), (10, 2, 8), (50, 10, 40), (500, 100, 400)]
)
def test_one_in_five_wears_a_watch(people: int, wearers: int, helpers: int) -> None:
    assert split(people) == (wearers, helpers)
    cast = Cast(1, people)
    assert (len(cast.wearers), len(cast.helpers)) == (wearers, helpers)
    assert len({one.phone_number for one in [*cast.wearers, *cast.helpers]}) == people


def test_every_wave_has_helpers_even_in_a_village() -> None:
    distances = [SPEC_PLACE.distance_m(helper.home) for helper in Cast(1, 50).helpers]
    assert sum(distance < 1500 for distance in distances) > 8
    assert sum(1500 < distance < 3000 for distance in distances) > 8
    assert sum(distance > 3000 for distance in distances) > 8
    assert all(SPEC_PLACE.distance_m(helper.home) < 3000 for helper in Cast(1, 3).helpers)


def test_same_seed_makes_the_same_people_and_the_same_ten_minutes() -> None:
    one, same = Cast(7, 60), Cast(7, 60)
    assert (one.wearers, one.helpers) == (same.wearers, same.helpers)
    assert [helper.push_token() for helper in one.helpers] == [helper.push_token() for helper in same.helpers]
    assert script(one) == script(same)


def test_it_does_not_matter_how_often_one_looks() -> None:
    assert script(Cast(7, 25)) == script(Cast(7, 25), step_s=0.25) == script(Cast(7, 25), step_s=37.5)


def test_nobody_disturbs_anybody_elses_dice() -> None:
    together = script(Cast(7, 25))
    alone = list(Cast(7, 25).life_of_helper(Cast(7, 25).helpers[3]).until(TEN_MINUTES_S))
    assert alone == together[5 + 3]


def test_another_seed_makes_another_city() -> None:
    one, other = Cast(7, 60), Cast(8, 60)
    assert one.helpers != other.helpers
    assert all(mine != theirs for mine, theirs in zip(script(one), script(other), strict=True))


def test_helpers_answers_come_from_the_seed() -> None:
    def answers(seed: int) -> list[object]:
        cast = Cast(seed, 50)
        fall = next(cast.falls_of(cast.wearers[0]))
        return [cast.answer(helper, cast.wearers[0], fall, 800) for helper in cast.helpers]

    assert answers(7) == answers(7)
    assert answers(7) != answers(8)


def test_falls_come_as_often_as_said_and_nobody_falls_while_lying() -> None:
    cast = Cast(3, 500)
    first = [next(cast.falls_of(wearer)).at_s for wearer in cast.wearers]
    assert sum(first) / len(first) == pytest.approx(BETWEEN_FALLS_S * 100, rel=0.25)
    own = cast.falls_of(cast.wearers[0])
    times = [next(own).at_s for _ in range(50)]
    assert all(later - earlier >= RECOVERY_S for earlier, later in pairwise(times))


def test_falls_are_of_every_kind_and_some_are_sent_twice() -> None:
    cast = Cast(3, 500)
    falls = [next(cast.falls_of(wearer)) for wearer in cast.wearers]
    kinds = [fall.kind for fall in falls]
    assert kinds.count("FALL_DETECTED") > kinds.count("MANUAL_TRIGGER") > kinds.count("OTHER") > 0
    assert {fall.severity for fall in falls} == {1, 2, 3, 4, 5}
    assert 5 < sum(bool(fall.repeats_after_s) for fall in falls) < 40
