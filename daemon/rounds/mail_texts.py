"""Messages' texts for senders: fetched many at once, and never more in memory than there is room.

Whoever holds a text holds its room too, until he is done with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

ROOM = 48_000_000
"""Octets of texts in hand; a larger message has them for itself."""
AT_ONCE = 100


class Texts:
    """Hands out texts; `fetch` reads those of several messages."""

    def __init__(
        self, fetch: Callable[[list[str]], Awaitable[Mapping[str, bytes]]], room: int = ROOM
    ) -> None:
        self._fetch, self._room, self._free = fetch, room, room
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._wanted: dict[str, asyncio.Future[bytes | None]] = {}
        self._fetching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def text(self, message: str, size: int) -> AsyncIterator[bytes | None]:
        """The text, None when it is there no longer; waits for room, in turn."""
        share = min(size, self._room)
        await self._take(share)
        try:
            yield await self._read(message)
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

    async def _read(self, message: str) -> bytes | None:
        wanted = self._wanted.get(message)
        if wanted is None:
            wanted = self._wanted[message] = asyncio.get_running_loop().create_future()
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_all())
        return await asyncio.shield(wanted)

    async def _fetch_all(self) -> None:
        while self._wanted:
            batch = dict(list(self._wanted.items())[:AT_ONCE])
            self._wanted = {id_: f for id_, f in self._wanted.items() if id_ not in batch}
            try:
                found = await self._fetch(list(batch))
            except Exception as error:  # noqa: BLE001 - it belongs to those who wait for it
                for one in batch.values():
                    one.set_exception(error)
                    one.exception()
            else:
                for id_, one in batch.items():
                    one.set_result(found.get(id_))
