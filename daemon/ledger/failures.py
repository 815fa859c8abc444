"""What a person is told when the database cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

LOCK_WAIT_S = 30.0
"""How long SQLite waits for another process's transaction."""
SHORT_WAIT_S = 1.5
"""The same, for a transaction whose outcome somebody awaits on an open connection."""

_GONE = "the connection to the database was lost"
_FULL = "the disk that holds the database is full"
_READ_ONLY = "the database is read-only for this program"

# by the beginning of the code; the first that fits
_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": "the database file cannot be opened for writing",
    "SQLITE_NOTADB": "the file is not an SQLite database",
    "SQLITE_CORRUPT": "the database file is damaged; restore it from a backup",
    "SQLITE_IOERR": "the disk that holds the database fails to read or write",
    "SQLITE_BUSY": "another program keeps the database locked",
}
_POSTGRESQL = {
    "08": _GONE,
    "57P": "the database server is shutting down or starting",
    "53100": _FULL,
    "53300": "the database server has no connection left for us",
    "53": "the database server is out of resources",
    "25006": _READ_ONLY,
    "28": "the database server refuses our login",
    "3D000": "the database server has no such database",
}


class LedgerError(Exception):
    """The database cannot be used as it is; the text is a sentence for the operator."""


class LedgerFull(LedgerError):  # noqa: N818 - a LedgerError, and named by what is wrong
    """The disk is full: nothing is taken until there is room again."""


@contextmanager
def in_words() -> Iterator[None]:
    """Turn a failure of the database's surroundings into LedgerError; our own bugs pass."""
    try:
        yield
    except DBAPIError as error:
        if reason := explain(error):
            raise _failure(f"The ledger failed: {reason}.", reason) from error
        raise


@contextmanager
def reaching(url: URL) -> Iterator[None]:
    """Turn every failure to connect into LedgerError."""
    try:
        yield
    except (OSError, DBAPIError, PoolTimeoutError) as error:
        reason = explain(error) if isinstance(error, DBAPIError) else None
        where = url.render_as_string()  # hides the password
        sentence = f"The ledger {where} cannot be reached: {reason or error}."
        raise _failure(sentence, reason) from error


def _failure(sentence: str, reason: str | None) -> LedgerError:
    return LedgerFull(sentence) if reason == _FULL else LedgerError(sentence)


def explain(error: DBAPIError) -> str | None:
    """The reason in words, or None when the statement itself was wrong."""
    if isinstance(error.orig, sqlite3.Error):
        # sqlite3 sets the name only on what SQLite itself reported
        return _first(_SQLITE, getattr(error.orig, "sqlite_errorname", ""))
    reason = _first(_POSTGRESQL, getattr(error.orig, "sqlstate", None) or "")
    return reason or (_GONE if error.connection_invalidated else None)


def _first(reasons: dict[str, str], code: str) -> str | None:
    return next((reason for prefix, reason in reasons.items() if code.startswith(prefix)), None)
