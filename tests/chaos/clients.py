"""The shop's own servers: they bring receipts without pause, each until somebody says 250."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.house import HOST, RECIPIENT, SENDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

AGAIN_S = 0.02
ENVELOPE = (
    f"MAIL FROM:<{SENDER}>\r\n".encode(),
    f"RCPT TO:<{RECIPIENT}>\r\n".encode(),
    b"DATA\r\n",
)
_BODY = b"Thank you for your order.\r\n" * 20


def letter(name: str) -> bytes:
    """The receipt of that name, as it goes on the wire."""
    head = (
        f"Message-ID: <{name}@shop.example>\r\nX-Order-ID: {name}\r\n"
        f"From: Shop <{SENDER}>\r\nTo: {RECIPIENT}\r\n"
        f"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\nSubject: Your order {name}\r\n\r\n"
    )
    return head.encode() + _BODY + b".\r\n"


@dataclass(slots=True)
class Memory:
    """What the clients were told."""

    acknowledged: set[str] = field(default_factory=set)
    """Message-IDs that got their 250."""
    again: set[str] = field(default_factory=set)
    """Those that were handed over whole at least once before, and got no answer, or no 250."""
    put_off: Counter[str] = field(default_factory=Counter)
    """Other replies, by code and status."""
    slowest_s: float = 0.0
    """The longest wait for any reply."""
    quickest_taken_s: float = float("inf")
    """The shortest wait for a 250 to the final dot."""
    on_taken: Callable[[str], None] = lambda _name: None
    """Told of each Message-ID the moment that its 250 was read."""


@dataclass(slots=True)
class Client:
    """One of them; `name` is its own."""

    name: str
    port: int
    memory: Memory
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def work(self, stop: asyncio.Event) -> None:
        """Bring one receipt after another; the one in hand is brought to its end."""
        numbers = itertools.count()
        while not stop.is_set():
            await self.bring(f"{self.name}-{next(numbers)}")
        self._hang_up()

    async def bring(self, name: str) -> None:
        """Until it is taken."""
        message = letter(name)
        while not await self._offer(message):
            self.memory.again.add(f"{name}@shop.example")
            await asyncio.sleep(AGAIN_S)
        self.memory.acknowledged.add(f"{name}@shop.example")
        self.memory.on_taken(f"{name}@shop.example")

    async def _offer(self, message: bytes) -> bool:
        try:
            reader, writer = await self.connected()
            for command in ENVELOPE:
                if not await self._ask(reader, writer, command):
                    return False
            return await self._ask(reader, writer, message)
        except (OSError, EOFError):
            self._hang_up()
            return False

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes
    ) -> bool:
        clock = asyncio.get_running_loop()
        began = clock.time()
        writer.write(words)
        reply = await _reply(reader)
        took = clock.time() - began
        self.memory.slowest_s = max(self.memory.slowest_s, took)
        if reply[:1] not in {b"2", b"3"}:
            self.memory.put_off[_code(reply)] += 1
            self._hang_up()
            return False
        if words.endswith(b"\r\n.\r\n"):
            self.memory.quickest_taken_s = min(self.memory.quickest_taken_s, took)
        return True

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Greeted, on the connection that it has or on a new one; raises EOFError or OSError."""
        if self._reader and self._writer:
            return self._reader, self._writer
        reader, writer = await asyncio.open_connection(HOST, self.port)
        self._reader, self._writer = reader, writer
        greeting = await _reply(reader)
        if not greeting.startswith(b"220"):
            self.memory.put_off[_code(greeting)] += 1
            raise EOFError
        writer.write(b"EHLO client.example\r\n")
        await _reply(reader)
        return reader, writer

    def _hang_up(self) -> None:
        if self._writer:
            with suppress(RuntimeError):
                self._writer.transport.abort()
        self._reader = self._writer = None


def _code(reply: bytes) -> str:
    """Such as "451 4.3.0"."""
    return reply[:9].decode().strip()


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """The last line of a reply; raises EOFError when there is none."""
    while line := await reader.readline():
        if line[3:4] != b"-":
            return line
    raise EOFError


@asynccontextmanager
async def clients(port: int, count: int, *, patient: bool = True) -> AsyncIterator[Memory]:
    """So many bring mail while the block lasts.

    At its end each brings what it has in hand, unless they are not so patient.
    """
    memory, stop = Memory(), asyncio.Event()
    working = [
        asyncio.create_task(Client(f"c{number}", port, memory).work(stop))
        for number in range(count)
    ]
    try:
        yield memory
        stop.set()
        if patient:
            await asyncio.wait_for(asyncio.gather(*working), 60)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


@asynccontextmanager
async def amid_a_message(port: int) -> AsyncIterator[None]:
    """A client has begun a message, and falls silent."""
    one = Client("silent", port, Memory())
    reader, writer = await one.connected()
    for command in ENVELOPE:
        writer.write(command)
        await _reply(reader)
    writer.write(b"Subject: half\r\n")
    yield
    writer.transport.abort()


async def greeted(port: int, within_s: float = 30.0) -> None:
    """Return when the intake says 220; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            with suppress(OSError, EOFError):
                reader, writer = await asyncio.open_connection(HOST, port)
                reply = await _reply(reader)
                writer.transport.abort()
                if reply.startswith(b"220"):
                    return
            await asyncio.sleep(0.01)
