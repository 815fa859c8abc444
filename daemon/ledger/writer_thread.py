"""SQLite's transactions that are one plain function: one thread, one connection, one hop each."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from daemon.ledger.drivers import create_blocking
from daemon.ledger.failures import LedgerError, in_words, reaching

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from sqlalchemy import URL, Connection

    Result = TypeVar("Result")


class WriterThread:
    """The thread, which starts with its first transaction. One transaction at a time."""

    def __init__(self, url: URL) -> None:
        self._engine = create_blocking(url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def transact(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` returned, once it is durable. Raises LedgerError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transact, work)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        try:
            with reaching(self._engine.url):
                conn = self._engine.connect()
            with conn, in_words(), conn.begin():
                return work(conn)
        except LedgerError:
            # what a failed fsync has left in this connection's cache may never reach the disk
            self._engine.dispose()
            raise

    async def close(self) -> None:
        """Close the connection, and end the thread."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()
