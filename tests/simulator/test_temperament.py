"""Helpers differ, and come less often from afar."""

import random
from statistics import median

from simulator.people.temperament import REACTION_S, Answer, Temperament

PEOPLE = 300


def answers(distance_m: float) -> list[Answer]:
    return [Temperament(random.Random(n)).answer(distance_m, random.Random(-n - 1)) for n in range(PEOPLE)]


def coming(distance_m: float) -> int:
    return sum(answer.status == "ACCEPTED" for answer in answers(distance_m))


def test_the_nearer_the_more_come() -> None:
    assert PEOPLE * 0.4 < coming(200) < PEOPLE * 0.8
    assert coming(200) > coming(3000) > coming(9000) > 0


def test_those_who_do_not_come_decline_or_say_nothing() -> None:
    said = [answer.status for answer in answers(2000)]
    assert said.count("DECLINED") > said.count(None) > 0


def test_people_differ_and_stay_themselves() -> None:
    chances = [Temperament(random.Random(n)).chance_to_come(500) for n in range(PEOPLE)]
    assert min(chances) < 0.25
    assert max(chances) > 0.75
    assert chances == [Temperament(random.Random(n)).chance_to_come(500) for n in range(PEOPLE)]


def test_reaction_takes_seconds_and_for_some_much_longer() -> None:
    times = [answer.after_s for answer in answers(500)]
    assert all(REACTION_S[0] <= time <= REACTION_S[1] for time in times)
    assert 4 < median(times) < 12
    assert max(times) > 20
