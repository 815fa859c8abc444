"""A scripted SMTP server on loopback: it says what it is told to, and keeps every byte it got."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

DROP = "drop the connection"
SILENCE = "never answer"
LONGEST_LINE = 10_000_000

USUAL = {
    "BANNER": "220 relay.test ESMTP ready",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 accepted",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 Ok: queued as 4XyZ12abcD",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class ScriptedSmtp:
    """Answers `replies` by verb ("BANNER", "EHLO", …; "." after the data), else as usual.

    `offers` are the EHLO keywords; STARTTLS is added while `tls` is given and not in force yet.
    """

    replies: dict[str, str] = field(default_factory=dict)
    offers: tuple[str, ...] = ("8BITMIME", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    commands: list[str] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        context = self.tls if self.implicit else None
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=context, limit=LONGEST_LINE
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def hang_up(self, words: str) -> None:
        """Say so on every connection, unasked, and close it."""
        for writer in self._writers:
            writer.write(words.encode() + b"\r\n")
            writer.close()
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        try:
            with suppress(asyncio.CancelledError, ConnectionError, EOFError, _Dropped):
                await self._converse(reader, writer)
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protected = self.implicit
        last = await self._say("BANNER", writer)
        while line := await reader.readline():
            command = line.decode("latin-1").removesuffix("\r\n")
            self.commands.append(command)
            verb = "RESPONSE" if last.startswith("334") else command.split(" ")[0].upper()
            last = await self._say(verb, writer, protected=protected)
            if verb == "STARTTLS" and self.tls and last.startswith("220"):
                await writer.start_tls(self.tls)
                protected = True
            if verb == "DATA" and last.startswith("354"):
                self.received.append(await self._until_dot(reader))
                last = await self._say(".", writer)

    async def _say(
        self, verb: str, writer: asyncio.StreamWriter, *, protected: bool = False
    ) -> str:
        starttls = ("STARTTLS",) if self.tls and not protected else ()
        greeting = "\n".join(("250-relay.test", *(f"250-{o}" for o in (*self.offers, *starttls))))
        usual = {**USUAL, "EHLO": f"{greeting}\n250 HELP"}
        reply = self.replies.get(verb, usual.get(verb, "502 5.5.1 what?"))
        if reply == SILENCE:
            await asyncio.Event().wait()
        if reply == DROP:
            raise _Dropped
        writer.write(reply.replace("\n", "\r\n").encode() + b"\r\n")
        await writer.drain()
        return reply

    @staticmethod
    async def _until_dot(reader: asyncio.StreamReader) -> bytes:
        lines: list[bytes] = []
        while lines[-1:] != [b".\r\n"]:
            lines.append(await reader.readuntil(b"\r\n"))
        return b"".join(lines)


class _Dropped(Exception):  # noqa: N818 - as DROP
    pass
