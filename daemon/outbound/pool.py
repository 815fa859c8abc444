"""A route's connections: never more than the settings allow, the warmest first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from daemon.outbound.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from daemon.outbound.connection import Terms
    from probes.smtp_session import Transaction
    from probes.submission import Submission


class Pool:
    """At most `most` connections by the same terms."""

    def __init__(self, terms: Terms, most: int) -> None:
        self._terms = terms
        self._room = asyncio.Semaphore(most)
        self._free: list[Connection] = []

    async def send(
        self, mail: Transaction, before_dot: Callable[[], Awaitable[bool]]
    ) -> Submission:
        """As `Connection.send`, by a connection that is free; waits for one."""
        async with self._room:
            connection = self._free.pop() if self._free else Connection(self._terms)
            try:
                return await connection.send(mail, before_dot)
            finally:
                self._free.append(connection)

    async def close(self) -> None:
        """Close what is idle; whoever still sends closes his own by being cancelled."""
        connections, self._free = self._free, []
        await asyncio.gather(*(connection.close() for connection in connections))
