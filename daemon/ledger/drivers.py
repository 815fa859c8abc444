"""One engine per kind of database, set to be durable."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from daemon.ledger.failures import LOCK_WAIT_S, SHORT_WAIT_S, LedgerError

if TYPE_CHECKING:
    import aiosqlite
    from sqlalchemy import Connection, Engine

CONNECT_WAIT_S = 10.0
STATEMENT_WAIT_S = 60.0

_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # durable before we say so
    "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=4000",  # pages, 16 MB: large mails are taken in an eighth faster
)


def create(url: str) -> AsyncEngine:
    """An engine that has not yet connected; raises LedgerError for a URL that is none of ours."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise LedgerError("The ledger's URL cannot be read.") from None  # it may hold a password
    match parsed.drivername:
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return _sqlite(parsed)
        case "postgresql" | "postgres":
            return _postgresql(url, parsed)
    raise LedgerError(
        "The ledger's URL must begin with sqlite:///, followed by a file, or with postgresql://."
    )


def _postgresql(url: str, parsed: URL) -> AsyncEngine:
    # asyncpg reads the URL itself, and so understands all that libpq does (sslmode, PGPASSFILE …)
    connect = partial(
        asyncpg.connect,
        url,
        timeout=CONNECT_WAIT_S,
        command_timeout=STATEMENT_WAIT_S,
        server_settings={"application_name": "receiptwatch"},
    )
    return create_async_engine(
        parsed.set(drivername="postgresql+asyncpg"),
        async_creator=connect,
        hide_parameters=True,  # whole mails, which an error's text would carry into the log
        pool_pre_ping=True,  # a restarted server is noticed before a statement is lost to it
    )


def _sqlite(parsed: URL) -> AsyncEngine:
    _create_private(str(parsed.database))
    engine = create_async_engine(
        parsed.set(drivername="sqlite+aiosqlite"),
        hide_parameters=True,
        # the driver begins no transaction of its own: `_begin` does
        connect_args={"isolation_level": None, "timeout": LOCK_WAIT_S},
    )
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def create_blocking(url: URL) -> Engine:
    """A second engine on an SQLite file that is open and set up already, for a thread of our own.

    Its transactions write, and wait for another process's for a short time only.
    """
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        execution_options={"writes": True},
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": SHORT_WAIT_S},
    )
    event.listen(engine, "connect", _set_up_blocking)
    event.listen(engine, "begin", _begin)
    return engine


def _create_private(path: str) -> None:
    """The file holds mail: nobody but us may read it. SQLite gives its log the same mode."""
    try:
        # never a file that exists: closing it would drop the locks that SQLite holds on it for
        # another connection of this process (POSIX locks belong to the process, not the handle)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        # asked beforehand: aiosqlite leaves a thread behind when it cannot open a file
        if not Path(path).is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise LedgerError(f"The ledger {path} is not a file that we may write.") from None
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be written: {error.strerror}.") from error


def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's own adapter
    connection.run_async(_make_durable)


async def _make_durable(connection: aiosqlite.Connection) -> None:
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(_is_busy),
        wait=wait_random(0.01, 0.05),
        stop=stop_after_delay(LOCK_WAIT_S),
        reraise=True,
    ):
        with attempt:  # SQLite does not wait for its lock here, as it does everywhere else
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
    for pragma in _PRAGMAS:
        await connection.execute_fetchall(pragma)


def _set_up_blocking(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:  # the file itself says that it keeps a WAL
        connection.execute(pragma)


def _is_busy(error: BaseException) -> bool:
    primary_code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.OperationalError) and primary_code == sqlite3.SQLITE_BUSY


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    # a reader that turns writer may fail at once and for good (SQLITE_BUSY_SNAPSHOT)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
