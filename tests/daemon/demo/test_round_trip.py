"""Mail goes the whole way by real SMTP and is found by real IMAP, over TLS."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiosmtplib
import pytest
from imapclient.exceptions import LoginError

from daemon.demo import scenery
from daemon.demo.relay import source_address
from daemon.demo.world import DemoWorld
from tests.daemon.demo.post import find, log_in, receipt, seed_of, send

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = ("primary", "fallback", "control")


@pytest.mark.parametrize("name", ["gmail", "outlook", "yahoo"])
async def test_each_route_reaches_the_inbox_authenticated(world: DemoWorld, name: str) -> None:
    provider = world.providers[name]
    for route in ROUTES:
        found = await find(world, provider, await send(world, route, seed_of(provider)))
        assert found.folder == "INBOX"
        assert "dkim=pass" in found.results
        assert "spf=pass" in found.results
        assert "dmarc=pass" in found.results


async def test_the_provider_names_itself_and_the_routes_own_client(world: DemoWorld) -> None:
    provider = world.providers["outlook"]
    for route in ROUTES:
        sender = world.relays[route].sender
        found = await find(world, provider, await send(world, route, seed_of(provider)))
        newest = " ".join(found.headers.get_all("Received", [])[0].split())
        client = f"({sender.client.helo} [{sender.client.address}])"
        assert newest.startswith(f"from {sender.client.helo} {client} by mx.outlook.test with")
        assert found.headers["Return-Path"] == f"<{sender.mail_from}>"
        assert found.headers["Delivered-To"] == seed_of(provider)


async def test_the_message_arrives_octet_for_octet_behind_the_trace(world: DemoWorld) -> None:
    provider = world.providers["yahoo"]
    found = await find(world, provider, await send(world, "primary", seed_of(provider)))
    body = receipt(world, "primary", seed_of(provider)).as_bytes().partition(b"\n\n")[2]
    assert found.raw.partition(b"\r\n\r\n")[2] == body.replace(b"\n", b"\r\n")


async def test_routes_are_told_apart_where_only_one_address_can_be_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenery, "source_address", lambda _: "127.0.0.1")
    world = await DemoWorld.start(tmp_path)
    try:
        yahoo = world.providers["yahoo"]
        yahoo.file_as_spam("primary")
        disliked = await find(world, yahoo, await send(world, "primary", seed_of(yahoo)))
        liked = await find(world, yahoo, await send(world, "fallback", seed_of(yahoo)))
        assert (disliked.folder, liked.folder) == ("Bulk Mail", "INBOX")
        assert "spf=pass" in disliked.results
        assert "spf=pass" in liked.results
    finally:
        await world.stop()


def test_an_address_that_cannot_be_bound_becomes_loopback() -> None:
    assert source_address("127.0.0.1") == "127.0.0.1"
    assert source_address("192.0.2.1") == "127.0.0.1"


async def test_its_servers_write_nothing_over_the_story(
    world: DemoWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await send(world, "primary", "seed1@gmail.test")
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_relay_takes_nothing_without_tls_and_login(world: DemoWorld) -> None:
    relay = world.relays["primary"]
    plain = aiosmtplib.SMTP(hostname="127.0.0.1", port=relay.port, start_tls=False)
    async with plain:
        await plain.ehlo()
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match="STARTTLS"):
            await plain.mail("a@saffron.test")
    tls = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=relay.port,
        start_tls=True,
        tls_context=world.authority.client_context(),
    )
    async with tls:
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match="Authentication required"):
            await tls.mail("a@saffron.test")


async def test_a_wrong_password_is_refused_by_relay_and_provider(world: DemoWorld) -> None:
    relay, provider = world.relays["primary"], world.providers["gmail"]
    with pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused:
        await aiosmtplib.send(
            receipt(world, "primary", "seed1@gmail.test"),
            hostname="127.0.0.1",
            port=relay.port,
            start_tls=True,
            tls_context=world.authority.client_context(),
            username=relay.sender.username,
            password="wrong",
        )
    assert refused.value.code == 535
    provider.passwords = {"seed1@gmail.test": "wrong"}
    with pytest.raises(LoginError):
        await asyncio.to_thread(log_in, world, provider, "seed1@gmail.test")


async def test_an_unknown_mailbox_is_refused_in_the_providers_words(world: DemoWorld) -> None:
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(world, "primary", "nobody@gmail.test")
    assert refused.value.code == 550
    assert refused.value.message.startswith("5.1.1")


async def test_a_foreign_domain_is_refused_by_the_relay(world: DemoWorld) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send(world, "primary", "seed1@elsewhere.test")


async def test_two_worlds_do_not_meet(world: DemoWorld, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = await DemoWorld.start(elsewhere, seeds_per_provider=3)
    try:
        here, there = world.providers["gmail"], other.providers["gmail"]
        message_id = await send(other, "primary", "seed3@gmail.test")
        assert (await find(other, there, message_id, "seed3@gmail.test")).folder == "INBOX"
        own = await send(world, "primary", "seed1@gmail.test")
        assert (await find(world, here, own)).folder == "INBOX"
        assert set(here.passwords) == {"seed1@gmail.test"}
    finally:
        await other.stop()
