"""A world starts with its settings file, and stops without a trace."""

from __future__ import annotations

import asyncio
import gc
import socket
import stat
import time
from typing import TYPE_CHECKING

import aiosmtplib
import pytest
from imapclient import IMAPClient

from daemon.demo.world import DemoWorld
from daemon.settings import load
from tests.daemon.demo.post import PATIENCE_S, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from daemon.demo.provider import Provider


def sockets() -> int:
    return sum(
        isinstance(thing, socket.socket) and thing.fileno() >= 0 for thing in gc.get_objects()
    )


async def test_stopping_leaves_no_task_and_no_socket(tmp_path: Path) -> None:
    before = sockets()
    world = await DemoWorld.start(tmp_path)
    await send(world, "primary", "seed1@gmail.test")
    await world.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert sockets() == before


async def test_stopping_cuts_off_whoever_is_connected(tmp_path: Path) -> None:
    world = await DemoWorld.start(tmp_path)
    gmail, relay = world.providers["gmail"], world.relays["primary"]
    tls = world.authority.client_context()
    smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=relay.port, start_tls=True, tls_context=tls)
    await smtp.connect()
    idler = await asyncio.to_thread(idle, world, gmail)
    gmail.hold("primary", 3600)
    await send(world, "primary", "seed1@gmail.test")
    await asyncio.wait_for(world.stop(), PATIENCE_S)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await smtp.noop()
    smtp.close()
    with pytest.raises((IMAPClient.AbortError, OSError)):
        await asyncio.to_thread(until_it_breaks, idler.noop)
    idler.shutdown()


def idle(world: DemoWorld, provider: Provider) -> IMAPClient:
    context = world.authority.client_context()
    client = IMAPClient("127.0.0.1", provider.imap_port, ssl_context=context, timeout=PATIENCE_S)
    client.login(*next(iter(provider.passwords.items())))
    client.select_folder("INBOX")
    client.idle()
    return client


def until_it_breaks(step: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        step()


async def test_a_world_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    before = sockets()
    (tmp_path / "receiptwatch.yaml").mkdir()
    with pytest.raises(IsADirectoryError):
        await DemoWorld.start(tmp_path)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert sockets() == before


async def test_the_settings_file_is_one_that_the_daemon_takes(tmp_path: Path) -> None:
    world = await DemoWorld.start(tmp_path, seeds_per_provider=2)
    try:
        settings = load(world.settings_file)
        assert [seed.name for seed in settings.seeds] == [
            *("gmail-1", "gmail-2", "outlook-1", "outlook-2", "yahoo-1", "yahoo-2"),
        ]
        assert [route.name for route in settings.shops[0].routes] == ["primary", "fallback"]
        assert settings.shops[0].primary.smtp.port == world.relays["primary"].port
        assert settings.control is not None
        assert settings.control.from_address == "post@watch.test"
        assert settings.dns.port == world.dns_port
        assert settings.listen.console != settings.listen.metrics
    finally:
        await world.stop()


async def test_secrets_are_their_owners_alone(world: DemoWorld, tmp_path: Path) -> None:
    private = [*(tmp_path / "secrets").iterdir(), *(tmp_path / "pki").glob("*.test.pem")]
    assert len(private) == 1 + 3 + 3 + 3 + 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    text = world.settings_file.read_text()
    for relay in world.relays.values():
        assert relay.sender.password not in text
        assert relay.sender.password not in repr(relay.sender)


async def test_how_long_it_takes_to_be_ready(tmp_path: Path) -> None:
    started = time.perf_counter()
    world = await DemoWorld.start(tmp_path, seeds_per_provider=3)
    print(f"ready in {time.perf_counter() - started:.3f} s")  # noqa: T201 - a figure, not asserted
    assert len(world.providers["gmail"].passwords) == 3
    await world.stop()
