"""Typed settings from the environment: a wrong value stops the start and names its variable."""

import os
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured
from phonenumbers import SUPPORTED_REGIONS

T = TypeVar("T")
UNSET = object()
environ.Env.read_env(Path(__file__).parent.parent / ".env")


def read(name: str, cast: Callable[[str], T], default: T | object = UNSET) -> T:
    """The variable `name`, or what the file that `name`_FILE names holds, turned into a T; `default` for neither.

    Raises ImproperlyConfigured, naming the variable, when it is missing without a default or unreadable.
    """
    raw = os.environ.get(name, "").strip() or _in_file(f"{name}_FILE")
    if not raw:
        if default is UNSET:
            raise ImproperlyConfigured(f"{name}: is required; set it in the environment or in .env")
        return default  # type: ignore[return-value]
    try:
        return cast(raw)
    except ValueError as why:
        raise ImproperlyConfigured(f"{name}: {why}") from None


def _in_file(name: str) -> str:
    """A secret, as container engines hand it over."""
    path = os.environ.get(name, "").strip()
    try:
        return Path(path).read_text().strip() if path else ""
    except (OSError, UnicodeDecodeError) as why:
        raise ImproperlyConfigured(f"{name}: {path} cannot be read: {why}") from None


def boolean(raw: str) -> bool:
    """Reads true or false, also as 1, yes, on, 0, no, off."""
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
    """Reads words between commas."""
    return [word.strip() for word in raw.split(",") if word.strip()]


def countries(raw: str) -> list[str]:
    """Reads countries by their two letters, between commas; * stands for all."""
    wanted = [word.upper() for word in words(raw)]
    if wrong := [word for word in wanted if word != "*" and word not in SUPPORTED_REGIONS]:
        raise ValueError(f"{wrong[0]!r} is not the code of a country, such as UZ, nor *")
    return wanted


def url(*schemes: str) -> Callable[[str], str]:
    """A reader of URLs with one of `schemes`; a trailing slash is dropped."""

    def cast(raw: str) -> str:
        if raw.partition("://")[0] not in schemes:
            raise ValueError(f"is not a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return raw.rstrip("/")

    return cast


def secret(raw: str) -> str:
    """Reads a secret of at least 32 characters."""
    if len(raw) < 32:
        raise ValueError("is shorter than 32 characters")
    return raw


def networks(raw: str) -> list[IPv4Network | IPv6Network]:
    """Reads networks between commas, such as 10.0.0.0/8 and fd00::/8; a single address is a network of one."""
    return [ip_network(word, strict=False) for word in words(raw)]


def secrets(raw: str) -> list[str]:
    """Reads secrets between commas."""
    return [secret(word) for word in words(raw)]


def origins(raw: str) -> list[str]:
    """A reader of web origins: scheme and host, with nothing behind them."""
    for word in words(raw):
        scheme, _, host = word.partition("://")
        if scheme not in {"http", "https"} or not host or set(host) & set("/?#*"):
            raise ValueError(f"{word!r} is not an origin such as https://example.org")
    return words(raw)


def version(raw: str) -> str:
    """Reads a version of three numbers, such as 1.2.3."""
    if not all(part.isdecimal() for part in raw.split(".")) or len(raw.split(".")) != 3:
        raise ValueError(f"{raw!r} is not a version such as 1.2.3")
    return raw


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one of `choices`."""

    def cast(raw: str) -> str:
        if raw not in choices:
            raise ValueError(f"{raw!r} is not one of {', '.join(choices)}")
        return raw

    return cast
