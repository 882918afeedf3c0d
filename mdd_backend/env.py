"""Typed settings from the environment: a wrong value stops the start and names its variable."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
UNSET = object()
environ.Env.read_env(Path(__file__).parent.parent / ".env")


def read(name: str, cast: Callable[[str], T], default: T | object = UNSET) -> T:
    """The variable `name` turned into a T; `default` when it is unset or empty.

    Raises ImproperlyConfigured, naming the variable, when it is missing without a default or unreadable.
    """
    raw = os.environ.get(name, "").strip()
    if not raw:
        if default is UNSET:
            raise ImproperlyConfigured(f"{name}: is required; set it in the environment or in .env")
        return default  # type: ignore[return-value]
    try:
        return cast(raw)
    except ValueError as why:
        raise ImproperlyConfigured(f"{name}: {why}") from None


def boolean(raw: str) -> bool:
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{raw!r} is not true or false")


def integer(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`, both included."""

    def cast(raw: str) -> int:
        if not raw.lstrip("-").isdecimal() or not low <= int(raw) <= high:
            raise ValueError(f"{raw!r} is not a whole number from {low} to {high}")
        return int(raw)

    return cast


def words(raw: str) -> list[str]:
    return [word.strip() for word in raw.split(",") if word.strip()]


def url(*schemes: str) -> Callable[[str], str]:
    """A reader of URLs with one of `schemes`; a trailing slash is dropped."""

    def cast(raw: str) -> str:
        if raw.partition("://")[0] not in schemes:
            raise ValueError(f"is not a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return raw.rstrip("/")

    return cast


def secret(raw: str) -> str:
    if len(raw) < 32:
        raise ValueError("is shorter than 32 characters")
    return raw
