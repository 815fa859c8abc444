"""What a person is told when the database cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_WAIT_S = 30.0
"""How long SQLite waits for another process's transaction."""

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
    "SQLITE_BUSY": f"another program has kept the database locked for {LOCK_WAIT_S:.0f} seconds",
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


@contextmanager
def in_words() -> Iterator[None]:
    """Turn a failure of the database's surroundings into LedgerError; our own bugs pass."""
    try:
        yield
    except DBAPIError as error:
        if reason := explain(error):
            raise LedgerError(f"The ledger failed: {reason}.") from error
        raise


def explain(error: DBAPIError) -> str | None:
    """The reason in words, or None when the statement itself was wrong."""
    if isinstance(error.orig, sqlite3.Error):
        # sqlite3 sets the name only on what SQLite itself reported
        return _first(_SQLITE, getattr(error.orig, "sqlite_errorname", ""))
    reason = _first(_POSTGRESQL, getattr(error.orig, "sqlstate", None) or "")
    return reason or (_GONE if error.connection_invalidated else None)


def _first(reasons: dict[str, str], code: str) -> str | None:
    return next((reason for prefix, reason in reasons.items() if code.startswith(prefix)), None)
