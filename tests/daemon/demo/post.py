"""Sends and finds mail in the embedded world with clients that know nothing of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import make_msgid
from typing import TYPE_CHECKING

import aiosmtplib
from imapclient import IMAPClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from daemon.demo.provider import Provider
    from daemon.demo.world import DemoWorld

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Found:
    folder: str
    uid: int
    raw: bytes

    @property
    def headers(self) -> Message:
        return BytesHeaderParser().parsebytes(self.raw)

    @property
    def results(self) -> str:
        return " ".join(str(self.headers["Authentication-Results"]).split())


def receipt(world: DemoWorld, route: str, recipient: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = world.relays[route].sender.header_from
    message["To"] = recipient
    message["Subject"] = "Your order 1001"
    message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    message["Message-ID"] = make_msgid(domain="saffron.test")
    message.set_content("Thank you – قهوه – שלום.\n")
    return message


async def send(world: DemoWorld, route: str, recipient: str) -> str:
    """Submit one receipt; returns its Message-ID."""
    relay, message = world.relays[route], receipt(world, route, recipient)
    await aiosmtplib.send(
        message.as_bytes(policy=message.policy.clone(linesep="\r\n")),
        sender=relay.sender.mail_from,
        recipients=[recipient],
        hostname="127.0.0.1",
        port=relay.port,
        start_tls=True,
        tls_context=world.authority.client_context(),
        username=relay.sender.username,
        password=relay.sender.password,
    )
    return str(message["Message-ID"])


def seed_of(provider: Provider, number: int = 1) -> str:
    return f"seed{number}@{provider.kind.domain}"


@contextmanager
def mailbox(world: DemoWorld, provider: Provider, seed: str) -> Iterator[IMAPClient]:
    client = IMAPClient(
        "127.0.0.1",
        provider.imap_port,
        ssl=True,
        ssl_context=world.authority.client_context(),
        timeout=PATIENCE_S,
    )
    try:
        client.login(seed, provider.passwords[seed])
        yield client
    finally:
        client.shutdown()


def log_in(world: DemoWorld, provider: Provider, seed: str) -> None:
    """Log in and leave; raises LoginError when refused."""
    with mailbox(world, provider, seed) as client:
        client.noop()


def look(client: IMAPClient, message_id: str) -> Found | None:
    for _, _, folder in client.list_folders():
        if folder == "[Gmail]":
            continue
        client.select_folder(folder, readonly=True)
        for uid, parts in client.fetch(client.search("ALL"), ["BODY.PEEK[]"]).items():
            found = Found(str(folder), uid, parts[b"BODY[]"])
            if found.headers["Message-ID"] == message_id:
                return found
    return None


async def find(world: DemoWorld, provider: Provider, message_id: str, seed: str = "") -> Found:
    """Look until it is there; fails when patience ends."""

    def search() -> Found:
        end = time.monotonic() + PATIENCE_S
        with mailbox(world, provider, seed or seed_of(provider)) as client:
            while time.monotonic() < end:
                if found := look(client, message_id):
                    return found
                time.sleep(0.02)
        raise AssertionError(f"{message_id} is nowhere at {provider.kind.name}")

    return await asyncio.to_thread(search)


async def absent(world: DemoWorld, provider: Provider, message_id: str) -> bool:
    """Whether it is in no folder now."""

    def search() -> bool:
        with mailbox(world, provider, seed_of(provider)) as client:
            return look(client, message_id) is None

    return await asyncio.to_thread(search)
