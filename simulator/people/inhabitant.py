"""A resident who has joined: the account, the device and the life behind it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ..client import Helper, Wearer
from .cast import Cast, Resident
from .life import Life
from .population import Population

P = TypeVar("P", Wearer, Helper)


@dataclass
class Inhabitant(Generic[P]):
    person: P
    resident: Resident
    life: Life
    is_sending: bool = False


def wearers_of(cast: Cast, people: Population) -> list[Inhabitant[Wearer]]:
    pairs = zip(people.wearers, cast.wearers, strict=True)
    return [Inhabitant(person, resident, cast.life_of_wearer(resident)) for person, resident in pairs]


def helpers_of(cast: Cast, people: Population) -> dict[str, Inhabitant[Helper]]:
    """By push token."""
    pairs = zip(people.helpers.items(), cast.helpers, strict=True)
    return {token: Inhabitant(person, resident, cast.life_of_helper(resident)) for (token, person), resident in pairs}
