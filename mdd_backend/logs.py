"""One line a log record, for every process; no name, phone, place, token or key is ever logged."""

import logging.config
import re
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


# Whoever knows such an address may use it; nginx/*.conf shortens the same.
_KEYS = re.compile(r"(/(?:live|console/+link|notifications/+[a-z]+)/+)[^/\s]+", re.IGNORECASE)


def without_keys(text: str) -> str:
    """The text with `...` for the key in each address that is one."""
    return _KEYS.sub(r"\1...", text)


def _line(*last: Any) -> dict[str, Any]:
    return {
        "()": "structlog.stdlib.ProcessorFormatter",
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # a plain traceback: rich's shows what the variables held, which is whatever people had sent
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            *last,
        ],
        "foreign_pre_chain": _SHARED,
    }


def _has_handlers(name: str) -> bool:
    return bool(logging.getLogger(name).handlers)


def configuration(level: str) -> dict[str, Any]:
    """Sets structlog up and returns the `logging` configuration, already applied."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _line(lambda _, __, text: without_keys(text)), "whole": _line()},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
            "phone": {"class": "logging.StreamHandler", "formatter": "whole"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # httpx and httpcore log whole URLs, and the heartbeat's is a secret
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            # uvicorn has its own handlers; whether it logs each request is for its command line to say
            "uvicorn": {"propagate": True},
            "uvicorn.access": {"handlers": ["stderr"] * _has_handlers("uvicorn.access"), "propagate": False},
            # stands in for a phone's screen, for development: what it shows is to be used
            "apps.notifications.transports.console": {"handlers": ["phone"], "propagate": False},
        },
    }
    logging.config.dictConfig(config)
    return config
