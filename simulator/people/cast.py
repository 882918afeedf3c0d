"""Everybody of the city, as a seed makes them, before any service knows them.

The same seed and number of people make the same people, homes, temperaments, ways, batteries, falls (who, when, what)
and the same answer of a helper to a call at the same distance. What no seed can fix: which helpers the server finds
first, when positions and falls race in the network; so who is called, and the ways of those who were called away.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .city import RINGS_M, City, Point, any_phone_number, around, somewhere
from .dice import dice
from .falls import Fall, falls
from .life import Life
from .temperament import Answer, Temperament

PEOPLE_PER_WEARER = 5
AROUND_THE_STORY = 40
"""So many helpers live in rings around the spec's place, the others all over the city."""
BETWEEN_FALLS_S = 12.0
"""In the whole city, on average, while nobody is recovering."""
SPEC_NAME = "Nodira Karimova"
SPEC_PHONE = "+998901234567"
SPEC_PLACE = Point(41.311081, 69.240562)


def split(people: int) -> tuple[int, int]:
    """Wearers and helpers: one in five wears a watch, the others help."""
    wearers = max(1, people // PEOPLE_PER_WEARER)
    return wearers, people - wearers


@dataclass(frozen=True)
class Resident:
    """`key` names their dice."""

    seed: int
    key: str
    full_name: str
    phone_number: str
    home: Point

    def push_token(self) -> str:
        return f"{self.phone_number[1:]}:APA91b{dice(self.seed, self.key, 'token').randbytes(16).hex()}"

    def other_numbers(self) -> Iterator[str]:
        """For whoever finds their own taken."""
        own = dice(self.seed, self.key, "number")
        while True:
            yield any_phone_number(own)


class Cast:
    """The spec's wearer and as many others as make up `people`, split."""

    def __init__(self, seed: int, people: int) -> None:
        self.seed = seed
        self._city = City(seed)
        wearers, helpers = split(people)
        first = Resident(seed, "wearer 0", SPEC_NAME, SPEC_PHONE, SPEC_PLACE)
        self.wearers = [first, *(self._wearer(number) for number in range(1, wearers))]
        self.helpers = [self._helper(number) for number in range(helpers)]

    def life_of_wearer(self, wearer: Resident) -> Life:
        return Life(self.seed, wearer.key, wearer.home, self.falls_of(wearer))

    def life_of_helper(self, helper: Resident) -> Life:
        return Life(self.seed, helper.key, helper.home)

    def falls_of(self, wearer: Resident) -> Iterator[Fall]:
        return falls(dice(self.seed, wearer.key, "falls"), BETWEEN_FALLS_S * len(self.wearers))

    def answer(self, helper: Resident, faller: Resident, fall: Fall, distance_m: float) -> Answer:
        """What the helper says to a call to this fall, at the distance the push tells."""
        temperament = Temperament(dice(self.seed, helper.key, "temperament"))
        return temperament.answer(distance_m, dice(self.seed, helper.key, "answer", faller.key, fall.at_s))

    def _wearer(self, number: int) -> Resident:
        key = f"wearer {number}"
        return self._resident(key, somewhere(dice(self.seed, key, "home")))

    def _helper(self, number: int) -> Resident:
        key = f"helper {number}"
        own = dice(self.seed, key, "home")
        if number >= AROUND_THE_STORY:
            return self._resident(key, somewhere(own))
        return self._resident(key, around(own, SPEC_PLACE, *RINGS_M[number % len(RINGS_M)]))

    def _resident(self, key: str, home: Point) -> Resident:
        return Resident(self.seed, key, self._city.name(), self._city.phone_number(), home)
