"""Errors to Sentry, without anything about a person: no bodies, no variables, no addresses, no keys."""

from typing import Any

import sentry_sdk

from .logs import without_keys


def start(dsn: str) -> None:
    """Reports errors to the Sentry project that `dsn` names, from now on."""
    sentry_sdk.init(
        dsn=dsn,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=_without_keys,
    )


def _without_keys(event: Any, hint: Any) -> Any:
    """The event, in which an address stands in many places: of the request, in messages, in what led there."""
    return _cleaned(event)


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return without_keys(value) if isinstance(value, str) else value
