"""What a client sends: lines of commands, and pieces of content of any shape."""

from __future__ import annotations

import asyncio

from daemon.intake import replies
from daemon.intake.replies import Refused

AHEAD = 64 * 1024
"""Bytes read ahead; at twice as many the client has to wait (`asyncio.StreamReader`)."""
PIECE = 1024 * 1024


class Inflow(asyncio.StreamReader):
    """The bytes of one connection. Every method that reads raises EOFError at their end."""

    _buffer: bytearray  # asyncio's own: the only way to see what a client sent ahead

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=AHEAD, loop=loop)

    def has_line(self) -> bool:
        """Whether a whole line is there already."""
        return b"\n" in self._buffer

    async def line(self) -> bytes:
        """The next line with its end. Raises Refused after one that is far too long."""
        try:
            return await self.readuntil(b"\n")
        except asyncio.LimitOverrunError as overrun:
            await self._skip_line(overrun.consumed)
        raise Refused(replies.TOO_LONG)

    async def _skip_line(self, size: int) -> None:
        while size:
            await self.readexactly(size)
            try:
                await self.readuntil(b"\n")
                size = 0
            except asyncio.LimitOverrunError as overrun:
                size = overrun.consumed

    async def piece(self) -> bytes:
        """Whatever is there, at least one byte."""
        piece = await self.read(PIECE)
        if not piece:
            raise EOFError
        return piece

    def unread(self, rest: bytes) -> None:
        """Put back what was read too far."""
        self._buffer[:0] = rest

    def forget(self) -> None:
        """Drop what was sent and not read (RFC 3207 section 4.2)."""
        self._buffer.clear()

    def move(self, transport: asyncio.BaseTransport) -> None:
        """The same client from here on writes through another transport: TLS."""
        self._transport = transport
