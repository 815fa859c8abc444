"""Room in memory for the texts of large messages; small ones come with their claim."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SMALL = 100_000
"""Octets up to which a text is read together with others."""
ROOM = 50_000_000
"""Octets of large texts in hand; a message of more has them for itself."""


class Room:
    """So many octets; whoever needs some waits in turn."""

    def __init__(self, octets: int = ROOM) -> None:
        self._all = self._free = octets
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def of(self, octets: int) -> AsyncIterator[None]:
        """Hold that many while within; more than there are means all of them."""
        share = min(octets, self._all)
        await self._take(share)
        try:
            yield
        finally:
            self._give_back(share)

    async def _take(self, share: int) -> None:
        if not self._queue and share <= self._free:
            self._free -= share
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((share, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(share)
            raise

    def _give_back(self, share: int) -> None:
        self._free += share
        while self._queue and (self._queue[0][1].done() or self._queue[0][0] <= self._free):
            share, turn = self._queue.popleft()
            if not turn.done():
                self._free -= share
                turn.set_result(None)
