"""How much is taken, and how it ends: over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daemon.intake.pace import Pace
from daemon.intake.terms import Listener
from daemon.intake.wire import FAREWELL_S
from probes.endpoint import Tls
from tests.daemon.intake.front import BIKES, BOUNCE, HOST, LETTER, Shelf, client, intake

if TYPE_CHECKING:
    from tests.daemon.intake.conftest import Tls as Contexts

CUSTOMER = "ada@customer.example"
COPY = "copy+bikes@intake.example"


async def test_too_many_connections_are_told_so() -> None:
    shelf = Shelf()
    async with (
        intake(shelf, connections=2) as running,
        client(running.ports[0]),
        client(running.ports[0]) as second,
    ):
        async with client(running.ports[0], greeted=False) as third:
            assert (await third.reply()).startswith("421 4.3.2")
            assert await third.reply() == ""
        assert (await second.ask("QUIT")).startswith("221")
        assert await second.reply() == ""
        async with client(running.ports[0]) as fourth:
            assert (await fourth.send()).startswith("250")
    assert ("turned_away", None) in shelf.events


async def test_too_many_connections_of_one_address_are_told_so() -> None:
    async with (
        intake(Shelf(), connections_per_ip=1) as running,
        client(running.ports[0]),
        client(running.ports[0], greeted=False) as second,
    ):
        assert (await second.reply()).startswith("421 4.7.0")


async def test_a_full_disk_is_told_at_the_greeting_and_at_mail() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        shelf.full = True
        assert (await one.ask("EHLO x", "MAIL FROM:<>")).startswith("452 4.3.1")
        async with client(running.ports[0], greeted=False) as late:
            assert (await late.reply()).startswith("421 4.3.1")
        shelf.full = False
        assert (await one.send()).startswith("250")


async def test_who_is_idle_is_told_so() -> None:
    async with intake(Shelf(), idle_s=0.2) as running, client(running.ports[0]) as one:
        assert (await one.reply()).startswith("421 4.4.2")
        assert await one.reply() == ""


async def test_who_heard_the_last_word_and_closes_is_gone_at_once() -> None:
    async with intake(Shelf(), idle_s=0.1) as running, client(running.ports[0]) as one:
        assert (await one.reply()).startswith("421 4.4.2")
        one.writer.write_eof()
        async with asyncio.timeout(FAREWELL_S / 2):
            await running._house._empty.wait()


async def test_single_letters_do_not_keep_a_connection_alive() -> None:
    async with intake(Shelf(), idle_s=0.3) as running, client(running.ports[0]) as one:
        for _ in range(8):
            one.writer.write(b"N")
            await asyncio.sleep(0.05)
        assert (await one.reply()).startswith("421 4.4.2")


async def test_commands_do_keep_it_alive() -> None:
    async with intake(Shelf(), idle_s=0.4) as running, client(running.ports[0]) as one:
        for _ in range(8):
            assert (await one.ask("NOOP")).startswith("250")
            await asyncio.sleep(0.1)


async def test_a_message_has_to_be_over_some_time() -> None:
    shelf = Shelf()
    async with intake(shelf, data_s=0.3) as running, client(running.ports[0]) as one:
        await one.begin(to=CUSTOMER)
        await one.ask("DATA")
        for _ in range(8):
            one.writer.write(b"x")
            await asyncio.sleep(0.05)
        assert (await one.reply()).startswith("421 4.4.2")
    assert not shelf.kept


async def test_twenty_mistakes_end_it() -> None:
    async with intake(Shelf()) as running, client(running.ports[0]) as one:
        answers = [await one.ask("WHATEVER") for _ in range(20)]
        assert [answer[:3] for answer in answers] == ["500"] * 19 + ["421"]
        assert await one.reply() == ""


async def test_a_shop_has_its_pace() -> None:
    shelf = Shelf()
    shops = (replace(BIKES, per_minute=2),)
    async with intake(shelf, shops=shops) as running, client(running.ports[0]) as one:
        for _ in range(2):
            await one.begin()
            more = [f"RCPT TO:<c{number}@customer.example>" for number in range(3)]
            assert (await one.ask(*more)).startswith("250")  # messages count, not recipients
            assert (await one.data(LETTER + b".\r\n")).startswith("250")
        assert (await one.send()).startswith("451 4.7.1")
        await one.ask("RSET")
        assert (await one.send(mail_from="", to=BOUNCE)).startswith("250")


async def test_bounces_have_a_pace_of_their_own() -> None:
    shelf = Shelf()
    async with intake(shelf, bounces_per_minute=1) as running, client(running.ports[0]) as one:
        assert (await one.send(mail_from="", to=BOUNCE)).startswith("250")
        assert (await one.send(mail_from="", to=BOUNCE)).startswith("451 4.7.1")
        await one.ask("RSET")
        assert (await one.send()).startswith("250")


def test_a_pace_refills_evenly_and_never_beyond_a_minute() -> None:
    pace = Pace(60)
    assert [pace.step(1_000.0) for _ in range(61)] == [True] * 60 + [False]
    assert [pace.step(1_001.1) for _ in range(2)] == [True, False]
    assert sum(pace.step(9_000.0) for _ in range(100)) == 60


async def test_whoever_reads_no_replies_is_not_read_from_for_ever() -> None:
    async with intake(Shelf(), idle_s=1.0) as running, client(running.ports[0]) as one:
        transport = one.writer.transport
        transport.set_write_buffer_limits(high=0)
        one.reader._transport.pause_reading()  # type: ignore[attr-defined]
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(1.5):
                while True:
                    one.writer.write(b"EHLO x\r\n" * 10_000)
                    await one.writer.drain()
        assert transport.get_write_buffer_size() > 0 or transport.is_closing()
        async with client(running.ports[0]) as other:
            assert (await other.send()).startswith("250")


async def test_closing_lets_the_message_in_hand_be_finished() -> None:
    shelf = Shelf()
    async with (
        intake(shelf) as running,
        client(running.ports[0]) as busy,
        client(running.ports[0]) as idle,
    ):
        await busy.begin(to=CUSTOMER)
        assert (await busy.ask("DATA")).startswith("354")
        closing = asyncio.create_task(running.close())
        assert (await idle.reply()).startswith("421 4.3.2")
        busy.writer.write(LETTER + b".\r\n")
        assert (await busy.reply()).startswith("250")
        assert (await busy.reply()).startswith("421 4.3.2")
        await asyncio.wait_for(closing, 5)
        with pytest.raises(OSError, match=r"refused|failed"):
            await asyncio.open_connection(HOST, busy.writer.get_extra_info("peername")[1])
    assert len(shelf.kept) == 1


async def test_closing_waits_no_longer_than_it_is_given() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.begin(to=CUSTOMER)
        await one.ask("DATA")
        await asyncio.wait_for(running.close(drain_s=0.1), 5)
        with contextlib.suppress(ConnectionError):
            assert await one.reply() == ""
    assert not shelf.kept


async def test_closing_lets_a_message_be_stored_that_is_being_stored() -> None:
    shelf = Shelf(gate=asyncio.Event())
    async with intake(shelf) as running, client(running.ports[0]) as one:
        sending = asyncio.create_task(one.send())
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(running.close())
        await asyncio.sleep(0.1)
        assert shelf.gate
        shelf.gate.set()
        assert (await sending).startswith("250")
        await closing
    assert len(shelf.kept) == 1


async def test_closing_ends_connections_under_tls_too(tls: Contexts) -> None:
    listener = Listener(HOST, 0, Tls.IMPLICIT, tls.server)
    async with (
        intake(Shelf(), listener) as running,
        client(running.ports[0], tls=tls.client) as one,
    ):
        await asyncio.wait_for(running.close(), 5)
        assert (await one.reply()).startswith("421 4.3.2")
