"""The next server: takes everything, and keeps every byte of it as it came."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.stories.front_door import HERE, PATIENCE_S
from tests.stories.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_END = b"\r\n.\r\n"
_LARGEST = 32 * 1024 * 1024
_ANY_END = re.compile(rb"(?:\r\n|\r|\n)\0*\.\0*(?:\r\n|\r|\n)")
"""Where the most careless server would end a message."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message; the paths in their brackets, `wire` with dot-stuffing and without its end."""

    mail_from: bytes
    rcpt_to: tuple[bytes, ...]
    wire: bytes

    @property
    def text(self) -> bytes:
        """The message without dot-stuffing."""
        return (b"\r\n" + self.wire).replace(b"\r\n.", b"\r\n")[2:] + b"\r\n"

    @property
    def is_one(self) -> bool:
        """Whether every server would take it for one message."""
        bare = self.wire.replace(b"\r\n", b"")
        return not (b"\r" in bare or b"\n" in bare or b"\0" in bare or _ANY_END.search(self.wire))


@dataclass
class NextHop:
    """Everything that came, in order."""

    letters: list[Letter] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    port: int = 0

    async def holding(self, mark: bytes) -> list[Letter]:
        """Every letter in which the mark stands, once there is one."""

        async def found() -> list[Letter]:
            return self.with_(mark)

        letters: list[Letter] = await until(found, within_s=PATIENCE_S, every_s=0.02)
        return letters

    def with_(self, mark: bytes) -> list[Letter]:
        """Every letter in which the mark stands now."""
        return [letter for letter in self.letters if mark in letter.wire]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = b"", list[bytes]()
        writer.write(b"220 next.example ESMTP\r\n")
        while line := await reader.readuntil(b"\r\n"):
            self.commands.append(line)
            verb, _, argument = line[:-2].partition(b":")
            if verb == b"MAIL FROM":
                sender, recipients = argument.partition(b" ")[0], []
            elif verb == b"RCPT TO":
                recipients.append(argument)
            writer.write(_answer(verb))
            if verb == b"DATA":
                wire = (await reader.readuntil(_END)).removesuffix(_END)
                self.letters.append(Letter(sender, tuple(recipients), wire))
                writer.write(b"250 2.0.0 queued as 4711\r\n")


def _answer(verb: bytes) -> bytes:
    if verb.startswith(b"EHLO"):
        return b"250-next.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
    return b"354 go ahead\r\n" if verb == b"DATA" else b"250 2.0.0 fine\r\n"


@asynccontextmanager
async def next_hop() -> AsyncIterator[NextHop]:
    """Listens while within."""
    hop = NextHop()
    server = await asyncio.start_server(hop._converse, HERE, 0, limit=_LARGEST)
    hop.port = server.sockets[0].getsockname()[1]
    try:
        yield hop
    finally:
        server.close()
