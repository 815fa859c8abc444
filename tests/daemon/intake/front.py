"""An intake on a free port of loopback, a shelf that keeps what it takes, and a bare client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from daemon.intake.server import Intake
from daemon.intake.terms import Limits, Listener, Login, Shop, Terms
from daemon.lifecycles.arrival import Taken

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from daemon.lifecycles.arrival import Arrival

HOST = "127.0.0.1"
HOSTNAME = "intake.example"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOOPBACK = (ip_network("127.0.0.0/8"),)
BOUNCE = "bounces+signed@bikes.example"

BIKES = Shop(
    "bikes",
    relays=True,
    senders=frozenset({"bikes.example"}),
    networks=LOOPBACK,
    copy_to=("copy+bikes@intake.example",),
)
BOOKS = Shop("books", relays=True, senders=frozenset({"books.example"}))
"""Another tenant, who is not here."""
TEAS = Shop("teas", copy_to=("copy+teas@intake.example",))
"""One who has copies sent, and relays nothing."""

LETTER = (
    b"From: Bikes <orders@bikes.example>\r\n"
    b"To: ada@customer.example\r\n"
    b"Subject: Your order 1001\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1001@bikes.example>\r\n"
    b"\r\n"
    b"Thank you.\r\n"
)


@dataclass
class Shelf:
    """What is taken lies here once; a `trouble` is raised instead, a `gate` makes it wait."""

    kept: list[Arrival] = field(default_factory=list)
    trouble: Exception | None = None
    gate: asyncio.Event | None = None
    events: list[tuple[str, str | None]] = field(default_factory=list)
    full: bool = False

    async def store(self, arrival: Arrival) -> Taken:
        if self.gate:
            await self.gate.wait()
        if self.trouble:
            raise self.trouble
        for number, known in enumerate(self.kept):
            if (known.shop, known.dedupe) == (arrival.shop, arrival.dedupe):
                return Taken(f"ID{number}", duplicate=True)
        self.kept.append(arrival)
        return Taken(f"ID{len(self.kept) - 1}", duplicate=False)

    def count(self, event: str, shop: str | None) -> None:
        self.events.append((str(event), shop))


@asynccontextmanager
async def intake(
    shelf: Shelf,
    *listeners: Listener,
    shops: tuple[Shop, ...] = (BIKES, BOOKS, TEAS),
    **limits: Any,
) -> AsyncIterator[Intake]:
    """Listens until the block ends; `limits` differ from the usual ones."""
    terms = Terms(HOSTNAME, listeners or (Listener(HOST, 0),), shops, Limits(**limits))
    running = Intake(
        terms,
        shelf.store,
        lambda: NOW,
        bounce_shop=lambda address: "bikes" if address.casefold() == BOUNCE else None,
        on_event=shelf.count,
        disk_low=lambda: shelf.full,
    )
    await running.start()
    try:
        yield running
    finally:
        await running.close(drain_s=0.2)


@dataclass
class Client:
    """Writes bytes and reads replies."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self) -> str:
        """The next reply, its lines parted by line feeds; "" when the connection has ended."""
        lines = []
        while line := (await asyncio.wait_for(self.reader.readline(), 10)).decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    async def ask(self, *lines: str | bytes) -> str:
        """Write lines together; the reply to the last."""
        text = b"".join((x if isinstance(x, bytes) else x.encode()) + b"\r\n" for x in lines)
        self.writer.write(text)
        for _ in lines[1:]:
            await self.reply()
        return await self.reply()

    async def begin(self, *, to: str | None = None) -> None:
        """EHLO, MAIL, and RCPT when there is a recipient; all are taken."""
        assert (await self.ask("EHLO client.example")).startswith("250")
        assert (await self.ask("MAIL FROM:<orders@bikes.example>")).startswith("250")
        if to is not None:
            assert (await self.ask(f"RCPT TO:<{to}>")).startswith("250")

    async def data(self, content: bytes) -> str:
        """DATA with content that is stuffed already, the end and all; the reply to it."""
        answer = await self.ask("DATA")
        assert answer.startswith("354"), answer
        self.writer.write(content)
        return await self.reply()

    async def send(
        self,
        content: bytes = LETTER,
        *,
        mail_from: str = "orders@bikes.example",
        to: str = "ada@customer.example",
    ) -> str:
        """A whole transaction after EHLO; the last reply."""
        await self.ask("EHLO client.example")
        for line in (f"MAIL FROM:<{mail_from}>", f"RCPT TO:<{to}>"):
            answer = await self.ask(line)
            if not answer.startswith("250"):
                return answer
        return await self.data(content + b".\r\n")

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context, server_hostname="localhost")


@asynccontextmanager
async def client(
    port: int, *, greeted: bool = True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Client]:
    """Connected, and greeted unless told otherwise."""
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(
        HOST, port, limit=2**20, ssl=tls, server_hostname=name
    )
    try:
        one = Client(reader, writer)
        if greeted:
            assert (await one.reply()).startswith("220 ")
        yield one
    finally:
        writer.transport.abort()


def with_login(shop: Shop, username: str, password_hash: str) -> Shop:
    """A shop of the same name that is known by its login alone."""
    login = Login(username, password_hash)
    return Shop(shop.name, relays=True, senders=shop.senders, login=login, copy_to=shop.copy_to)
