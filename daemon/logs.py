"""Structured logs on stderr: one line an event, JSON for machines, plain for a terminal.

Values are rendered with control characters escaped, so that no input can write a line of its own.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog

ERROR = logging.ERROR

SECRET_KEYS = frozenset({"password", "secret", "token", "access_token", "refresh_token"})


def setup(*, as_json: bool | None = None, level: int = logging.INFO) -> None:
    """Configure the process's logs; JSON unless stderr is a terminal."""
    # a round that outlasts its interval is no news: the next one waits for it
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    machine = not sys.stderr.isatty() if as_json is None else as_json
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if machine
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_secrets,
            _on_one_line,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Steadfast(sys.stderr),
        cache_logger_on_first_use=False,
    )


class _Steadfast(structlog.PrintLogger):
    """Loses lines that cannot be written: a full disk is no reason to fail at what they tell of."""

    def msg(self, message: str) -> None:
        """Print it, if there is room."""
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = error = critical = exception = failure = fatal = msg


def _without_secrets(_logger: object, _method: str, event: Any) -> Any:  # noqa: ANN401 - structlog's type
    return {key: "***" if key in SECRET_KEYS else value for key, value in event.items()}


def _on_one_line(_logger: object, _method: str, event: Any) -> Any:  # noqa: ANN401 - structlog's type
    return {key: _escaped(value) for key, value in event.items()}


def _escaped(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value)
