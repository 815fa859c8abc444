"""Too much, too big, too slow, too deep: over real sockets, and in nobody else's way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.daemon.intake.conftest import door, one, shelf
from tests.daemon.intake.front import (
    HOST,
    LETTER,
    Client,
    Shelf,
    client,
    intake,
)

if TYPE_CHECKING:
    from daemon.intake.server import Intake

__all__ = ["door", "one", "shelf"]  # fixtures

CUSTOMER = "ada@customer.example"
MB = 1024 * 1024
WITHIN_S = 1.0
SLACK_S = 2.0
"""A busy machine takes its share of the time that is measured."""


async def test_14_of_1001_recipients_the_first_hundred_are_taken(one: Client, shelf: Shelf) -> None:
    await one.begin()
    lines = [f"RCPT TO:<c{number}@customer.example>\r\n" for number in range(1_001)]
    one.writer.write("".join(lines).encode())
    codes = [(await one.reply())[:9] for _ in lines]
    assert codes == ["250 2.1.5"] * 100 + ["452 4.5.3"] * 901
    assert (await one.data(LETTER + b".\r\n")).startswith("250")
    assert shelf.kept[0].recipients == tuple(f"c{n}@customer.example" for n in range(100))
    assert len(shelf.events) == 2  # one line in the log about 901 recipients


@pytest.mark.parametrize("length", [998, 1_000, 70_000, 10 * MB])
async def test_15_a_line_may_have_any_length(one: Client, shelf: Shelf, length: int) -> None:
    line = b"<p>" + b"x" * length + b"</p>\r\n"
    assert (await one.send(LETTER + line)).startswith("250")
    assert shelf.kept[0].raw.endswith(line)


async def test_15_a_line_longer_than_the_limit_is_552(one: Client, shelf: Shelf) -> None:
    answer = await one.send(LETTER + b"x" * 26 * MB + b"\r\n")
    assert answer.startswith("552 5.3.4")
    assert (await one.ask("NOOP")).startswith("250")
    assert not shelf.kept


async def test_16_a_size_beyond_the_limit_is_refused_before_data(one: Client) -> None:
    await one.ask("EHLO x")
    assert (await one.ask("MAIL FROM:<> SIZE=26214401")).startswith("552 5.3.4")
    assert (await one.ask("MAIL FROM:<> SIZE=26214400")).startswith("250")


async def test_16_thirty_megabytes_cost_less_than_five_in_memory(one: Client, shelf: Shelf) -> None:
    await one.begin(to=CUSTOMER)
    await one.ask("DATA")
    process = psutil.Process()
    piece = (b"x" * 98 + b"\r\n") * 655
    before, most = process.memory_info().rss, 0
    for _ in range(30 * MB // len(piece)):
        one.writer.write(piece)
        await one.writer.drain()
        most = max(most, process.memory_info().rss)
    one.writer.write(b".\r\n")
    assert (await one.reply()).startswith("552 5.3.4")
    assert most - before < 5 * MB
    assert (await one.ask("RSET")).startswith("250")
    assert not shelf.kept


async def test_17_a_thousand_idle_connections_are_in_nobodys_way(shelf: Shelf) -> None:
    async with intake(shelf, connections_per_ip=2_000, idle_s=3.0) as running:
        with contextlib.ExitStack() as undo:
            idle = [undo.enter_context(socket.socket()) for _ in range(1_000)]
            for slow in idle:
                slow.setblocking(False)  # noqa: FBT003 - socket's own signature
                await asyncio.get_running_loop().sock_connect(slow, (HOST, running.ports[0]))
            for slow in idle:
                slow.send(b"E")
            async with client(running.ports[0]) as other:
                began = time.monotonic()
                assert (await other.send()).startswith("250")
                assert time.monotonic() - began < WITHIN_S + SLACK_S
            last = await asyncio.wait_for(_everything(idle[0]), 20)
    assert last.endswith(b"421 4.4.2 Idle for too long\r\n")


async def _everything(sock: socket.socket) -> bytes:
    said = b""
    while piece := await asyncio.get_running_loop().sock_recv(sock, 4096):
        said += piece
    return said


async def test_17_an_address_has_fifty_connections(door: Intake) -> None:
    async with contextlib.AsyncExitStack() as undo:
        for _ in range(50):
            await undo.enter_async_context(client(door.ports[0]))
        extra = await undo.enter_async_context(client(door.ports[0], greeted=False))
        assert (await extra.reply()).startswith("421 4.7.0")


@pytest.mark.parametrize("share", [0.5, 1.0])
async def test_19_who_hangs_up_within_data_leaves_nothing(
    one: Client, door: Intake, shelf: Shelf, share: float
) -> None:
    await one.begin(to=CUSTOMER)
    await one.ask("DATA")
    one.writer.write(LETTER[: int(len(LETTER) * share)])
    await one.writer.drain()
    one.writer.transport.abort()
    async with client(door.ports[0]) as other:
        assert (await other.ask("NOOP")).startswith("250")
    await door.close()
    assert not shelf.kept


async def test_19_who_hangs_up_before_the_250_has_one_or_none_kept(
    one: Client, door: Intake, shelf: Shelf
) -> None:
    shelf.gate = asyncio.Event()
    await one.begin(to=CUSTOMER)
    await one.ask("DATA")
    one.writer.write(LETTER + b".\r\n")
    await one.writer.drain()
    one.writer.transport.abort()
    await asyncio.sleep(0.05)
    shelf.gate.set()
    async with client(door.ports[0]) as again:
        assert (await again.send()).endswith("queued as ID0")
    assert [kept.raw.endswith(LETTER) for kept in shelf.kept] == [True]


async def test_20_a_message_id_used_twice_is_two_messages_unless_all_is_alike(
    one: Client, shelf: Shelf
) -> None:
    other = LETTER.replace(b"Thank you", b"No thanks")
    answers = [await one.send(letter) for letter in (LETTER, other, LETTER, other)]
    assert [answer[-3:] for answer in answers] == ["ID0", "ID1", "ID0", "ID1"]
    assert len({kept.message_id for kept in shelf.kept}) == 1


LOOPS = [
    b"Received: from a by b; now\r\n" * 51,
    b"X-Receiptwatch-Loop: intake.example\r\n",
    b"x-receiptwatch-loop:\r\n INTAKE.example\r\n",
]


@pytest.mark.parametrize("above", LOOPS)
async def test_21_a_loop_is_cut(one: Client, shelf: Shelf, above: bytes) -> None:
    assert (await one.send(above + LETTER)).startswith("554 5.4.6")
    assert not shelf.kept


async def test_21_what_we_sent_on_does_not_come_in_again(one: Client, shelf: Shelf) -> None:
    await one.send()
    assert (await one.send(shelf.kept[0].raw)).startswith("554 5.4.6")


NESTED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 1_000
HEAVY = {
    "1,000 nested parts": LETTER[:-2] + NESTED,
    "16 KB of quotes": b"To: " + b'"' * 16_000 + b"\r\n" + LETTER,
    "500 open comments": b"To: " + b"(" * 500 + b"\r\nFrom: " + b"(" * 16_000 + b"\r\n\r\nx\r\n",
    "16,000 ats": b"From: " + b"@" * 16_000 + b"\r\nReply-To: " + b"a@" * 8_000 + b"\r\n\r\n\r\n",
    "128 KB of folded header": (b"A:" + b"\r\n x" * 4_000 + b"\r\n") * 8 + LETTER,
    "10,000 parts": LETTER + b"--b\r\n\r\nx\r\n" * 10_000,
}


@pytest.mark.parametrize("letter", HEAVY.values(), ids=HEAVY)
async def test_22_23_25_what_is_heavy_to_parse_is_taken_in_raw_at_once(
    one: Client, shelf: Shelf, letter: bytes
) -> None:
    began = time.monotonic()
    assert (await one.send(letter)).startswith("250")
    assert time.monotonic() - began < WITHIN_S + SLACK_S
    assert shelf.kept[0].raw.endswith(letter)


@pytest.mark.parametrize(
    "header",
    [
        b"A: b\r\n" * 80_000,
        b"A: " + b"x" * MB + b"\r\n",
        b"A:" + b"\r\n x" * 300_000 + b"\r\n",
        (b"A: " + b"x" * 900 + b"\r\n") * 150,
    ],
    ids=["80,000 fields", "one of 1 MB", "one of 300,000 lines", "135 KB in all"],
)
async def test_24_a_header_too_big_is_552(one: Client, shelf: Shelf, header: bytes) -> None:
    began = time.monotonic()
    assert (await one.send(header + LETTER)).startswith("552 5.3.4")
    assert time.monotonic() - began < WITHIN_S + SLACK_S
    assert not shelf.kept


async def test_noise_is_answered_and_ends(door: Intake) -> None:
    noise = os.urandom(200_000)
    async with client(door.ports[0]) as one:
        one.writer.write(noise + b"\n" * 30)
        said = await asyncio.wait_for(one.reader.read(-1), 10)
    assert said.endswith(b"421 4.7.0 Too many errors\r\n")
    async with client(door.ports[0]) as other:
        assert (await other.send()).startswith("250")
