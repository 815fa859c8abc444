"""Opens the database and hands out transactions."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from sqlalchemy import select

from daemon.ledger.drivers import create
from daemon.ledger.failures import SHORT_WAIT_S, LedgerError, in_words, reaching
from daemon.ledger.migration import upgrade
from daemon.ledger.writer_thread import WriterThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Protocol, TypeVar

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    Result = TypeVar("Result")

    class Transact(Protocol):
        """Runs a plain function in a transaction of its own."""

        async def __call__(self, work: Callable[[Connection], Result]) -> Result:
            """What `work` returned, once it is durable. Raises LedgerError."""
            ...


class Ledger:
    """A database that is open. Use `read` and `write`, never one within the other."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._readers = engine.execution_options(writes=False, postgresql_readonly=True)
        self._writers = engine.execution_options(writes=True)
        # SQLite takes one writer at a time: waiting here is fair, waiting for its lock is not
        sqlite = engine.dialect.name == "sqlite"
        self._turn = asyncio.Lock() if sqlite else nullcontext()
        self._thread = WriterThread(engine.url) if sqlite else None

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

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Transact]:
        """Wait until it is one's turn to write, and carry out plain functions while it lasts.

        For what somebody awaits on an open connection: the function gets a SQLAlchemy connection
        that is not asynchronous, costs SQLite one thread hop whatever it does, and waits for
        another process for a short time only. Never within `read` or `write`.
        """
        async with self._turn:
            yield self._thread.transact if self._thread else self._transact

    async def _transact(self, work: Callable[[Connection], Result]) -> Result:
        try:
            async with asyncio.timeout(SHORT_WAIT_S), _transaction(self._writers) as conn:
                return await conn.run_sync(work)
        except TimeoutError as error:
            raise LedgerError("The ledger failed: the database does not answer.") from error

    async def close(self) -> None:
        """Close every connection."""
        if self._thread:
            await self._thread.close()
        await self._readers.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as exits:
        with reaching(engine.url):
            conn = await exits.enter_async_context(engine.connect())
        with in_words():
            async with conn.begin():
                yield conn
