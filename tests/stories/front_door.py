"""The service as its own process in the embedded world, with every way in that shops use."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from imapclient import IMAPClient

from daemon import desk
from daemon.demo.world import DemoWorld
from daemon.ledger import Ledger, mails, messages, orders
from tests.stories.programs import COMMAND, ENVIRONMENT, change, running, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping
    from pathlib import Path

    from daemon.desk import Case
    from daemon.ledger.messages import MessageRow

HERE, STRANGER = "127.0.0.1", "127.0.0.2"
"""The shop's own network, and an address outside it."""
SENDER = "orders@saffron.test"
USERNAME, PASSWORD = "saffron", "as long as it is secret"
COPY_TO = "copies@hats.test"
BOUNCES = "bounces@saffron.test"
PATIENCE_S = 30.0
BELOW_THE_EPHEMERAL = range(20_000, 32_000)

_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>]+)>", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the intake listens on 127.0.0.1, by the protection of each."""

    plain: int
    starttls: int
    implicit: int


@dataclass
class House:
    """A running service and the world around it; `service` is its process at this moment."""

    world: DemoWorld
    settings: Path
    ports: Ports
    ledger: Ledger
    service: asyncio.subprocess.Process = field(init=False)
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def authority(self) -> str:
        """The file with the certificate that clients have to trust."""
        return str(self.world.authority.ca_file)

    @property
    def log(self) -> str:
        """Everything that the service logged."""
        return self.settings.with_suffix(".log").read_text()

    async def start(self) -> None:
        """Start the service; whoever killed it may start it again."""
        process = running(self.settings, "--no-probing")
        self.service = await self._closing.enter_async_context(process)
        await until(self._listens, within_s=PATIENCE_S, every_s=0.02)

    async def close(self) -> None:
        """End the service."""
        await self._closing.aclose()

    async def _listens(self) -> bool:
        assert self.service.returncode is None, self.log
        try:
            _, writer = await asyncio.open_connection(HERE, self.ports.implicit)
        except OSError:
            return False
        writer.transport.abort()
        return True

    async def taken(self, message_id: str) -> list[MessageRow]:
        """Every message of that Message-ID, in the order in which they came."""
        async with self.ledger.read() as conn:
            found = await mails.search(conn, message_id, limit=99)
            ids = dict.fromkeys(row.message for row in reversed(found))
            rows = [await messages.get(conn, message) for message in ids]
        return [row for row in rows if row and row.message_id == message_id]

    async def text(self, message: MessageRow) -> bytes:
        """The message as it was taken in."""
        async with self.ledger.read() as conn:
            raw = await messages.raw(conn, message.id)
        assert raw is not None
        return raw

    async def cases(self, text: str) -> list[Case]:
        """Every receipt in whose address, number, subject or Message-ID the text stands."""
        async with self.ledger.read() as conn:
            rows = await mails.search(conn, text, limit=99)
            return [case for row in rows if (case := await desk.case(conn, row))]

    async def ended(self, text: str, count: int, *states: str) -> list[Case]:
        """The same, once there are so many and each is in one of the states."""

        async def found() -> list[Case] | None:
            cases = await self.cases(text)
            there = [case for case in cases if case.mail.state in states]
            return cases if len(there) == len(cases) == count else None

        cases: list[Case] = await until(found, within_s=PATIENCE_S, every_s=0.05)
        return cases

    async def read(self, message: MessageRow) -> MessageRow:
        """The message once somebody looked for its order."""

        async def found() -> MessageRow | None:
            async with self.ledger.read() as conn:
                row = await messages.get(conn, message.id)
            return row if row and row.reading != "pending" else None

        row: MessageRow = await until(found, within_s=PATIENCE_S, every_s=0.05)
        return row

    async def order(self, number: str) -> orders.OrderRow:
        """The only order of that number, once it is known."""

        async def found() -> Iterable[orders.OrderRow]:
            async with self.ledger.read() as conn:
                return await orders.by_number(conn, number)

        [row] = await until(found, within_s=PATIENCE_S, every_s=0.05)
        return row  # type: ignore[no-any-return] # `until` knows no type

    async def delivered(self, address: str, ids: Collection[str]) -> dict[str, list[bytes]]:
        """What lies in the customer's mailbox under these Message-IDs, once each is there."""
        found: dict[str, list[bytes]] = {}
        until_s = time.monotonic() + PATIENCE_S
        while not all(found.get(one) for one in ids):
            assert time.monotonic() < until_s, f"only {sorted(found)} came to {address}"
            found = await asyncio.to_thread(self._mailbox, address)
        return {one: found[one] for one in ids}

    async def mailbox(self, address: str) -> dict[str, list[bytes]]:
        """Everything in the customer's mailbox now, by Message-ID."""
        return await asyncio.to_thread(self._mailbox, address)

    def _mailbox(self, address: str) -> dict[str, list[bytes]]:
        [provider] = [p for p in self.world.providers.values() if address in p.customers]
        trust = self.world.authority.client_context()
        letters: dict[str, list[bytes]] = {}
        with IMAPClient(HERE, provider.imap_port, ssl_context=trust, timeout=10) as client:
            client.login(address, provider.customers[address])
            for folder in ("INBOX", provider.kind.spam_folder):
                client.select_folder(folder, readonly=True)
                for parts in client.fetch(client.search(), ["BODY.PEEK[]"]).values():
                    raw = parts[b"BODY[]"]
                    named = _MESSAGE_ID.search(raw)
                    letters.setdefault(named[1].decode() if named else "", []).append(raw)
        return letters


@asynccontextmanager
async def open_house(folder: Path, *, next_hop: int | None = None) -> AsyncIterator[House]:
    """The world and the service in it.

    `next_hop` is a port that all mail goes to instead of the world's relays, from signed paths.
    """
    async with AsyncExitStack() as stack:
        hashing = asyncio.create_task(_hash_password(folder / "saffron.hash"))
        world = await DemoWorld.start(folder)
        stack.push_async_callback(world.stop)
        await hashing
        ports = Ports(*free_ports(3))
        change(world.settings_file, **_settings(world, folder, ports, next_hop))
        ledger = await Ledger.open(f"sqlite:///{folder}/ledger.db")
        stack.push_async_callback(ledger.close)
        house = House(world, world.settings_file, ports, ledger)
        stack.push_async_callback(house.close)
        await house.start()
        yield house


def _settings(
    world: DemoWorld, folder: Path, ports: Ports, next_hop: int | None
) -> Mapping[str, Any]:
    world.authority.server_context("intake.saffron.test")
    pem = str(folder / "pki" / "intake.saffron.test.pem")
    secured = {"cert_file": pem, "key_file": pem}
    listeners = [
        {"address": f"{HERE}:{ports.plain}", "tls": "none"},
        {"address": f"{HERE}:{ports.starttls}", "tls": "starttls", **secured},
        {"address": f"{HERE}:{ports.implicit}", "tls": "implicit", **secured},
    ]
    [shop] = yaml.safe_load(world.settings_file.read_text())["shops"]
    if next_hop:
        _send_to(shop, next_hop)
        shop["bounces"] = {"address": BOUNCES}
    shop["intake"] |= {"username": USERNAME, "password_hash_file": str(folder / "saffron.hash")}
    return {
        "intake": {"listen": listeners, "hostname": "intake.saffron.test"},
        "shops": [shop, _one_that_sends_itself(shop)],
    }


def _send_to(shop: dict[str, Any], port: int) -> None:
    for route in shop["routes"]:
        route["smtp"] = {"host": HERE, "port": port, "tls": "none"}
        route["return_path"] = "signed"
        del route["login"]


def _one_that_sends_itself(other: dict[str, Any]) -> dict[str, Any]:
    shop = deepcopy(other)  # settings take no YAML aliases
    route = {**shop["routes"][0], "name": "own", "from": "Hats <orders@hats.test>"}
    intake = {"mode": "copy", "copy_to": [COPY_TO]}
    shop.pop("bounces", None)
    route["return_path"] = "plain"
    return {**shop, "name": "hats", "title": "Hats", "intake": intake, "routes": [route]}


async def _hash_password(file: Path) -> None:
    """By the command that people use."""
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "password", "--write", str(file)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    _, said = await process.communicate(f"{PASSWORD}\n".encode())
    assert process.returncode == 0, said.decode()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, and that no client is given by chance."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.sample(BELOW_THE_EPHEMERAL, 50 + count):
            with suppress(OSError):
                held.enter_context(socket.create_server((HERE, port)))
                found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("no port is free")
