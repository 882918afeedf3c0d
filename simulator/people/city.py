"""Tashkent: places, names and how far things are. All coordinates are degrees WGS 84, all distances metres."""

import math
import random
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_009.0


class Point(NamedTuple):
    lat: float
    lon: float

    def distance_m(self, other: "Point") -> float:
        """Great-circle distance, by the haversine formula."""
        lat, other_lat = math.radians(self.lat), math.radians(other.lat)
        d_lat, d_lon = other_lat - lat, math.radians(other.lon - self.lon)
        a = math.sin(d_lat / 2) ** 2 + math.cos(lat) * math.cos(other_lat) * math.sin(d_lon / 2) ** 2
        return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(a))

    def moved(self, distance_m: float, bearing: float) -> "Point":
        """The point so far away; `bearing` in radians clockwise from north. Flat: for distances within a city."""
        north, east = distance_m * math.cos(bearing), distance_m * math.sin(bearing)
        lat = self.lat + math.degrees(north / EARTH_RADIUS_M)
        lon = self.lon + math.degrees(east / (EARTH_RADIUS_M * math.cos(math.radians(self.lat))))
        return Point(round(lat, 6), round(lon, 6))

    def bearing(self, other: "Point") -> float:
        """The direction to `other` in radians clockwise from north. Flat, as `moved`."""
        east = (other.lon - self.lon) * math.cos(math.radians(self.lat))
        return math.atan2(east, other.lat - self.lat) % (2 * math.pi)


PLACES = {
    "Alay Bazaar": Point(41.3185, 69.2822),
    "Amir Temur Square": Point(41.3111, 69.2797),
    "Botanical Garden": Point(41.3467, 69.3128),
    "Buyuk Ipak Yuli metro": Point(41.3267, 69.3283),
    "Chilanzar metro": Point(41.2748, 69.2037),
    "Chorsu Bazaar": Point(41.3265, 69.2350),
    "Friendship of Peoples Palace": Point(41.3119, 69.2428),
    "Hazrati Imam Complex": Point(41.3375, 69.2400),
    "Independence Square": Point(41.3155, 69.2690),
    "Kukeldash Madrasah": Point(41.3230, 69.2356),
    "Magic City": Point(41.3037, 69.2450),
    "Milliy Stadium": Point(41.2797, 69.2126),
    "Minor Mosque": Point(41.3369, 69.2731),
    "Navoi Opera Theatre": Point(41.3100, 69.2711),
    "Pakhtakor Stadium": Point(41.3156, 69.2594),
    "Tashkent Airport": Point(41.2579, 69.2812),
    "Tashkent City Park": Point(41.3155, 69.2480),
    "Tashkent Railway Station": Point(41.2918, 69.2868),
    "TV Tower": Point(41.3453, 69.2847),
}

WOMEN = ("Nodira", "Dilnoza", "Malika", "Gulnora", "Zarina", "Shahnoza", "Feruza", "Olga", "Elena", "Irina", "Anna")
MEN = ("Jasur", "Bobur", "Timur", "Sardor", "Rustam", "Aziz", "Otabek", "Dmitry", "Sergey", "Andrey", "Ivan")
UZBEK = ("Karimov", "Rakhimov", "Yusupov", "Umarov", "Abdullaev", "Ismoilov", "Saidov", "Nazarov", "Ergashev")
RUSSIAN = ("Ivanov", "Petrov", "Kim", "Sokolov", "Morozov", "Volkov", "Pak", "Kuznetsov")
UNDECLINED = ("Kim", "Pak")
SLAVIC = ("Olga", "Elena", "Irina", "Anna", "Dmitry", "Sergey", "Andrey", "Ivan")


RINGS_M = ((150, 1400), (1600, 2900), (3200, 8000))
"""One a wave, about: so that waves have somewhere to go."""


class City:
    """Names and numbers people; the same `seed` makes the same city."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._numbers: set[str] = set()
        self._names: set[str] = set()

    def name(self) -> str:
        """One nobody else in this city has, as long as there are some left."""
        for _ in range(100):
            if (name := self._any_name()) not in self._names:
                break
        self._names.add(name)
        return name

    def _any_name(self) -> str:
        woman = self._dice.random() < 0.5
        first = self._dice.choice(WOMEN if woman else MEN)
        last = self._dice.choice(RUSSIAN if first in SLAVIC else UZBEK)
        return f"{first} {last}a" if woman and last not in UNDECLINED else f"{first} {last}"

    def phone_number(self) -> str:
        """One nobody else in this city has, after +99890."""
        while (number := any_phone_number(self._dice)) in self._numbers:
            pass
        self._numbers.add(number)
        return number


def any_phone_number(dice: random.Random) -> str:
    return f"+99890{dice.randrange(10**7):07}"


def around(dice: random.Random, centre: Point, least_m: float, most_m: float) -> Point:
    """Somewhere in the ring, evenly over its area."""
    distance_m = math.sqrt(dice.uniform(least_m**2, most_m**2))
    return centre.moved(distance_m, dice.uniform(0, 2 * math.pi))


def somewhere(dice: random.Random) -> Point:
    """Within 400 m of one of the places."""
    return around(dice, dice.choice(list(PLACES.values())), 0, 400)


def nearest_place(point: Point) -> str:
    return min(PLACES, key=lambda name: PLACES[name].distance_m(point))
