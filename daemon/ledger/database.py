"""Opens the database and hands out transactions."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from daemon.ledger.drivers import create
from daemon.ledger.failures import LedgerError, explain, in_words
from daemon.ledger.migration import upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Ledger:
    """A database that is open. Use `read` and `write`, never one within the other."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._readers = engine.execution_options(writes=False, postgresql_readonly=True)
        self._writers = engine.execution_options(writes=True)
        # SQLite takes one writer at a time: waiting here is fair, waiting for its lock is not
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @classmethod
    async def open(cls, url: str) -> Ledger:
        """Open `sqlite:////absolute/path.db` or `postgresql://…`, and see that it answers.

        Raises LedgerError when it does not, or when the URL names no such database.
        """
        ledger = cls(create(url))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(ledger.close)
            async with ledger.read() as conn:
                await conn.execute(select(1))
            undo.pop_all()
        return ledger

    async def migrate(self) -> None:
        """Bring the schema up to date; any number of daemons may do so at once.

        Raises LedgerError when the database was migrated by a newer program.
        """
        async with self.write() as conn:
            await conn.run_sync(upgrade)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that refuses to write. Raises LedgerError."""
        async with _transaction(self._readers) as conn:
            yield conn

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: durable once left, and rolled back on any error. Raises LedgerError."""
        async with self._turn, _transaction(self._writers) as conn:
            yield conn

    async def close(self) -> None:
        """Close every connection."""
        await self._readers.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as exits:
        with _reaching(engine):
            conn = await exits.enter_async_context(engine.connect())
        with in_words():
            async with conn.begin():
                yield conn


@contextmanager
def _reaching(engine: AsyncEngine) -> Iterator[None]:
    try:
        yield
    except (OSError, DBAPIError, PoolTimeoutError) as error:
        reason = explain(error) if isinstance(error, DBAPIError) else None
        where = engine.url.render_as_string()  # hides the password
        raise LedgerError(f"The ledger {where} cannot be reached: {reason or error}.") from error
