"""What the demo can be asked for. Needs the standard library only: the launcher asks before it starts anything."""

import argparse
import math
import random
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PEOPLE = (3, 2000)
"""One who falls and two who help; and what one machine carries."""
MOST_MINUTES = 1440


def parser(prog: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=prog, allow_abbrev=False, description="A city of watches and helpers: one fall in detail, then city life."
    )
    made.add_argument(
        "--people",
        type=_people,
        default=50,
        metavar="N",
        help=f"in the whole city, {PEOPLE[0]} to {PEOPLE[1]:,}: one in five wears a watch, the others help (50)",
    )
    length = made.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=_minutes,
        metavar="M",
        help="of city life, then a closing table; status 1 if anything got lost (until Ctrl-C)",
    )
    length.add_argument("--once", action="store_true", help="end after the one fall in detail")
    made.add_argument(
        "--seed",
        type=_seed,
        default=random.randrange(10_000),
        metavar="S",
        help="a whole number; the same one, the same city (any)",
    )
    return made


def _people(text: str) -> int:
    least, most = PEOPLE
    number = _read(int, text, f"a whole number from {least} to {most:,}")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"must be from {least} to {most:,}, not {text}")
    return number


def _minutes(text: str) -> float:
    number = _read(float, text, "a number of minutes")
    if not (math.isfinite(number) and 0 < number <= MOST_MINUTES):
        raise argparse.ArgumentTypeError(f"must be more than 0 and at most {MOST_MINUTES:,}, not {text}")
    return number


def _seed(text: str) -> int:
    return _read(int, text, "a whole number")


def _read(kind: Callable[[str], T], text: str, wanted: str) -> T:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {wanted}, not {text!r}") from None
