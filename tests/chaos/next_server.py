"""The server that a shop's mail is sent on to: takes everything, and counts how often each came."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tests.chaos.house import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>", re.MULTILINE)
_END = b"\r\n.\r\n"
_LARGEST = 1 << 20


class NextServer:
    """A message counts from its final dot on, whether its sender lives to hear the answer or not.

    The answer comes `after_s` later. With `put_off_first` each is asked to come again, once.
    """

    def __init__(self, after_s: float, *, put_off_first: bool) -> None:
        self._after_s = after_s
        self._put_off_first = put_off_first
        self.put_off: set[str] = set()
        self.came: Counter[str] = Counter()
        self.port = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """With one client, until either has enough."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write(b"220 next.example ESMTP\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"QUIT":
                    break
                writer.write(_answer(verb))
                if verb == b"DATA":
                    answer = self._take(await reader.readuntil(_END))
                    await asyncio.sleep(self._after_s)
                    writer.write(answer)
        writer.close()

    def _take(self, message: bytes) -> bytes:
        found = _MESSAGE_ID.search(message)
        name = found[1].decode() if found else "nameless"
        if self._put_off_first and name not in self.put_off:
            self.put_off.add(name)
            return b"451 4.7.1 come again later\r\n"
        self.came[name] += 1
        return b"250 2.0.0 queued as 4711\r\n"


def _answer(verb: bytes) -> bytes:
    if verb == b"EHLO":
        return b"250-next.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
    return b"354 go ahead\r\n" if verb == b"DATA" else b"250 2.0.0 fine\r\n"


@asynccontextmanager
async def next_server(
    after_s: float = 0.0, *, put_off_first: bool = False
) -> AsyncIterator[NextServer]:
    """Listens until the block ends."""
    one = NextServer(after_s, put_off_first=put_off_first)
    server = await asyncio.start_server(one.converse, HOST, 0, limit=_LARGEST)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
