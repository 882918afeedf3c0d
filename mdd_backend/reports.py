"""Errors to Sentry, without anything about a person: no bodies, no variables, no addresses."""

import sentry_sdk


def start(dsn: str) -> None:
    sentry_sdk.init(dsn=dsn, send_default_pii=False, include_local_variables=False, max_request_body_size="never")
