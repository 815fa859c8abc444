"""Commands out, replies in: the client's end of an SMTP connection that is open.

Replies are kept in their order, so that commands may be pipelined (RFC 2920), and a server that
speaks unasked is noticed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_REPLY = 32_768
"""Bytes of one reply, all of its lines."""
CHUNK = 65_536
"""Bytes that are handed to the system at once."""
NO_REPLY = -1
"""The code of what was said and is no reply (RFC 5321 section 4.2)."""


class Silent(Exception):  # noqa: N818 - reads as what it is; "Error" adds nothing
    """No complete reply, or nothing that we may go on after; the text is for people."""


class Reply(NamedTuple):
    """A reply's code, NO_REPLY when it has none, and its lines, separated by line feeds."""

    code: int
    message: str


class ReplyReader:
    """Takes bytes as they come, gives whole replies."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that `data` completes; raises Silent for one that does not end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._keep(line)
            if reply := self._complete(line):
                self._lines, self._size = [], 0
                yield reply
        if self._size + len(self._rest) > LONGEST_REPLY:
            raise Silent("The server's reply has no end.")

    def _keep(self, line: bytes) -> None:
        self._size += len(line)
        if self._size > LONGEST_REPLY:
            raise Silent("The server's reply has no end.")
        self._lines.append(line[4:].strip(b" \t\r"))

    def _complete(self, line: bytes) -> Reply | None:
        code, separator = line[:3], line[3:4]
        if len(code) < 3 or not code.isdigit():
            return Reply(NO_REPLY, f"Not an SMTP reply: {_text(line)}")
        if separator == b"-":
            return None
        return Reply(int(code), _text(b"\n".join(self._lines)))


class Wire(asyncio.Protocol):
    """Takes an open transport over; every method raises Silent when the connection is gone."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._happening: asyncio.Future[bool] | None = None
        self._paused = False
        self._ended = ""
        transport.set_protocol(self)
        if transport.is_closing():
            self._end("The server closed the connection.")

    @property
    def quiet(self) -> bool:
        """Whether the connection is open and nothing was said that nobody asked for."""
        return not (self._ended or self._replies or self._transport.is_closing())

    @property
    def spoke(self) -> bool:
        """Whether a reply waits to be read."""
        return bool(self._replies)

    async def reply(self, timeout_s: float) -> Reply:
        """The next reply."""
        while not self._replies:
            if self._ended:
                raise Silent(self._ended)
            await self._next_happening(timeout_s)
        return self._replies.popleft()

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        if self._ended or self._transport.is_closing():
            raise Silent(self._ended or "The connection was closed.")
        self._transport.write(data)

    async def write_all(self, data: bytes, timeout_s: float) -> None:
        """Send in pieces, at the server's pace; stops early when the server speaks."""
        view = memoryview(data)
        for at in range(0, len(data), CHUNK):
            self.write(view[at : at + CHUNK])  # type: ignore[arg-type]  # a transport takes both
            while self._paused and not self._replies and not self._ended:
                await self._next_happening(timeout_s)
            if self._replies:
                return

    def close(self) -> None:
        """Drop the connection without a word."""
        self._end("The connection was closed.")
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Keep the replies."""
        try:
            self._replies.extend(self._reader.feed(data))
        except Silent as problem:
            self._end(str(problem))
            self._transport.abort()
        self._happen()

    def eof_received(self) -> bool:
        """Close our side too."""
        self._end("The server closed the connection.")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self._end(f"The connection was lost: {exc}" if exc else "The server closed the connection.")

    def pause_writing(self) -> None:
        """The server is slower than we are."""
        self._paused = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._paused = False
        self._happen()

    async def _next_happening(self, timeout_s: float) -> None:
        # a timer of our own: asyncio.timeout takes as long as all that is done with a reply
        loop = asyncio.get_running_loop()
        self._happening = loop.create_future()
        timer = loop.call_later(timeout_s, _settle, self._happening, False)  # noqa: FBT003 - a callback's
        try:
            if not await self._happening:
                raise Silent("Timed out waiting for the server.")
        finally:
            timer.cancel()
            self._happening = None

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._happen()

    def _happen(self) -> None:
        if self._happening:
            _settle(self._happening, True)  # noqa: FBT003 - as above


def _text(words: bytes) -> str:
    return words.decode("utf-8", "surrogateescape")


def _settle(happening: asyncio.Future[bool], happened: bool) -> None:  # noqa: FBT001 - a callback
    if not happening.done():
        happening.set_result(happened)
