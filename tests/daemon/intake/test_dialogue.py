"""The conversation, over real sockets: what a well-behaved client hears."""

from __future__ import annotations

import asyncio
import smtplib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daemon.intake.store import NoRoom, NotNow
from daemon.intake.terms import Listener
from daemon.lifecycles.arrival import IntakeMode
from probes.endpoint import Tls
from tests.daemon.intake.front import (
    BIKES,
    BOOKS,
    BOUNCE,
    HOST,
    HOSTNAME,
    LETTER,
    NOW,
    Shelf,
    client,
    intake,
)

if TYPE_CHECKING:
    from tests.daemon.intake.conftest import Tls as Contexts

CUSTOMER = "ada@customer.example"
COPY = "copy+bikes@intake.example"
STRANGER = "mta@elsewhere.example"


async def test_a_message_is_kept_as_it_came_below_what_we_write_above_it() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        letter = LETTER + b"..a dot\r\n" + "ünï\r\n".encode() + b"x" * 70_000 + b"\r\n"
        assert await one.send(letter) == "250 2.0.0 Ok: queued as ID0"
    (kept,) = shelf.kept
    assert kept.raw.endswith(letter.replace(b"..a", b".a"))
    above = kept.raw[: -len(letter) + 1]
    assert above.startswith(b"Received: from client.example ([127.0.0.1])\r\n\tby intake.example ")
    assert above.endswith(b"\r\nX-Receiptwatch-Loop: intake.example\r\n")
    assert (kept.shop, kept.mode) == ("bikes", IntakeMode.RELAY)
    assert (kept.mail_from, kept.recipients) == ("orders@bikes.example", (CUSTOMER,))
    assert (kept.client, kept.helo, kept.login) == (HOST, "client.example", None)
    assert (kept.received_at, kept.message_id) == (NOW, "1001@bikes.example")
    assert shelf.events == [("taken", "bikes")]


async def test_the_extensions_are_offered() -> None:
    async with intake(Shelf()) as running, client(running.ports[0]) as one:
        answer = await one.ask("EHLO client.example")
    assert answer.split("\n") == [
        f"250-{HOSTNAME}",
        "250-PIPELINING",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-ENHANCEDSTATUSCODES",
        "250 SIZE 26214400",
    ]


async def test_pipelined_commands_are_answered_in_one_piece() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.ask("EHLO client.example")
        many = [f"RCPT TO:<c{number}@customer.example>\r\n" for number in range(50)]
        one.writer.write(b"MAIL FROM:<a@bikes.example>\r\n" + "".join(many).encode() + b"DATA\r\n")
        answers = (await asyncio.wait_for(one.reader.read(100_000), 10)).decode()
        assert answers.count("\r\n") == 52
        assert answers.endswith("\r\n354 End data with <CR><LF>.<CR><LF>\r\n")
        one.writer.write(LETTER + b".\r\nMAIL FROM:<a@bikes.example>\r\nRSET\r\nQUIT\r\n")
        rest = (await asyncio.wait_for(one.reader.read(-1), 10)).decode()
    codes = [line[:9] for line in rest.splitlines()]
    assert codes == ["250 2.0.0", "250 2.1.0", "250 2.0.0", "221 2.0.0"]
    assert len(shelf.kept[0].recipients) == 50


async def test_a_client_that_stops_sending_still_hears_its_250() -> None:
    shelf = Shelf(gate=asyncio.Event())
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.begin(to=CUSTOMER)
        await one.ask("DATA")
        one.writer.write(LETTER + b".\r\n")
        one.writer.write_eof()
        assert shelf.gate
        shelf.gate.set()
        assert (await one.reply()).startswith("250 2.0.0")
        assert await one.reply() == ""
    assert len(shelf.kept) == 1


async def test_one_connection_brings_many_messages() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        for number in range(5):
            letter = LETTER.replace(b"1001", b"%d" % number)
            assert (await one.send(letter)).endswith(f"queued as ID{number}")


async def test_the_same_again_is_answered_alike_and_kept_once() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        first = await one.send()
        assert await one.send(LETTER.replace(b"12:00:00", b"12:05:00")) == first
        assert (await one.send(LETTER.replace(b"Thank", b"Thanks"))).endswith("ID1")
        assert (await one.send(LETTER.replace(b"order 1001", b"order 1002"))).endswith("ID2")
        assert (await one.send(to="bob@customer.example")).endswith("ID3")
    assert [event for event, _ in shelf.events] == ["taken", "duplicate", *["taken"] * 3]


async def test_what_a_shop_may_not_send_is_counted_as_the_shops() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.ask("EHLO shop.example")
        await one.ask("MAIL FROM:<orders@stranger.example>")
        assert (await one.ask(f"RCPT TO:<{CUSTOMER}>")).startswith("550 5.7.1")
    assert shelf.events == [("refused", "bikes")]


async def test_a_message_without_message_id_gets_the_same_one_each_time() -> None:
    shelf = Shelf()
    bare = LETTER.replace(b"Message-ID: <1001@bikes.example>\r\n", b"")
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.send(bare)
        shelf.kept, (first,) = [], tuple(shelf.kept)
        await one.send(bare)
    (second,) = shelf.kept
    assert first.message_id == second.message_id
    assert f"\r\nMessage-ID: <{first.message_id}>\r\n".encode() in first.raw


TROUBLES = [
    (NoRoom("full"), "452 4.3.1"),
    (NotNow("locked"), "451 4.3.0"),
    (RuntimeError("a bug"), "451 4.3.0"),
]


@pytest.mark.parametrize(("trouble", "code"), TROUBLES)
async def test_what_could_not_be_kept_may_come_again(trouble: Exception, code: str) -> None:
    shelf = Shelf(trouble=trouble)
    async with intake(shelf) as running, client(running.ports[0]) as one:
        assert (await one.send()).startswith(code)
        shelf.trouble = None
        assert (await one.send()).startswith("250")
    assert shelf.events == [("put_off", "bikes"), ("taken", "bikes")]


async def test_no_250_before_it_is_stored() -> None:
    shelf = Shelf(gate=asyncio.Event())
    async with intake(shelf) as running, client(running.ports[0]) as one:
        sending = asyncio.create_task(one.send())
        done, _ = await asyncio.wait({sending}, timeout=0.2)
        assert not done
        assert shelf.gate
        shelf.gate.set()
        assert (await sending).startswith("250")


async def test_copies_are_taken_from_anybody_and_left_as_they_are() -> None:
    shelf = Shelf()
    bare = b"Subject: bare\r\n\r\nbare\r\n"
    async with intake(shelf) as running, client(running.ports[0]) as one:
        assert (await one.send(bare, mail_from="www-data@web01", to=COPY)).startswith("250")
    (kept,) = shelf.kept
    assert (kept.mode, kept.mail_from, kept.message_id) == (IntakeMode.COPY, "www-data@web01", None)
    assert kept.raw.count(b"\r\n") == 4 + bare.count(b"\r\n")  # our Received alone


async def test_a_copy_of_what_we_sent_on_is_no_loop() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.send()
        assert (await one.send(shelf.kept[0].raw, to=COPY)).startswith("250")
    assert [kept.mode for kept in shelf.kept] == [IntakeMode.RELAY, IntakeMode.COPY]


async def test_bounces_are_taken_from_anybody() -> None:
    shelf = Shelf()
    here = replace(BIKES, networks=())
    async with intake(shelf, shops=(here, BOOKS)) as running, client(running.ports[0]) as one:
        bounce = b"From: MAILER-DAEMON@books.example\r\n\r\nsorry\r\n"
        assert (await one.send(bounce, mail_from="", to=BOUNCE)).startswith("250")
        assert (await one.send(bounce, mail_from=STRANGER, to=BOUNCE)).startswith("250")
        assert (await one.send(bounce, mail_from="", to=CUSTOMER)).startswith("550 5.7.1")
    assert [kept.mode for kept in shelf.kept] == [IntakeMode.BOUNCE] * 2


async def test_kinds_are_not_mixed_in_one_transaction() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.begin()
        assert (await one.ask(f"RCPT TO:<{CUSTOMER}>")).startswith("250")
        assert (await one.ask(f"RCPT TO:<{COPY}>")).startswith("452 4.5.3")
        assert (await one.ask(f"RCPT TO:<{BOUNCE}>")).startswith("452 4.5.3")
        assert (await one.data(LETTER + b".\r\n")).startswith("250")
    assert shelf.kept[0].recipients == (CUSTOMER,)


async def test_a_recipient_named_twice_is_one() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.begin()
        for _ in range(2):
            assert (await one.ask(f"RCPT TO:<{CUSTOMER}>")).startswith("250")
        assert (await one.data(LETTER + b".\r\n")).startswith("250")
    assert shelf.kept[0].recipients == (CUSTOMER,)


async def test_smtputf8_is_taken_where_the_sender_asks_for_it() -> None:
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.ask("EHLO client.example")
        await one.ask("MAIL FROM:<orders@bikes.example> SMTPUTF8 BODY=8BITMIME SIZE=100")
        assert (await one.ask("RCPT TO:<ädä@customer.example>")).startswith("553 5.6.7")
        assert (await one.ask("RCPT TO:<ada@bücher.example>")).startswith("250")
        assert (await one.data(LETTER + b".\r\n")).startswith("250")
    (kept,) = shelf.kept
    assert (kept.smtputf8, kept.recipients) == (True, ("ada@xn--bcher-kva.example",))
    assert b"with UTF8SMTP\r\n" in kept.raw


WRONG = [
    (["MAIL FROM:<a@bikes.example>"], "503 5.5.1"),
    (["EHLO"], "501 5.5.4"),
    (["EHLO x", "RCPT TO:<a@b.example>"], "503 5.5.1"),
    (["EHLO x", "DATA"], "503 5.5.1"),
    (["EHLO x", "MAIL FROM:<>", "MAIL FROM:<>"], "503 5.5.1"),
    (["EHLO x", "MAIL FROM:<>", "DATA"], "554 5.5.1"),
    (["EHLO x", "MAIL FROM:a@bikes.example"], "501 5.5.4"),
    (["EHLO x", "MAIL TO:<a@bikes.example>"], "501 5.5.4"),
    (["EHLO x", "MAIL FROM:<> SIZE=many"], "555 5.5.4"),
    (["EHLO x", "MAIL FROM:<> RET=HDRS"], "555 5.5.4"),
    (["EHLO x", "MAIL FROM:<> SIZE=1 SIZE=2"], "501 5.5.4"),
    (["EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b.example> NOTIFY=NEVER"], "555 5.5.4"),
    (["EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b.example> "], "250 2.1.5"),
    (["EHLO x", "MAIL FROM: <>"], "250 2.1.0"),
    (["EHLO x", "mail from:<> size=10 auth=<>"], "250 2.1.0"),
    (["EHLO x", "MAIL FROM:<>", "EHLO x", "MAIL FROM:<>"], "250 2.1.0"),
    (["HELO x", "MAIL FROM:<>"], "250 2.1.0"),
    (["EHLO x", "RSET now"], "501 5.5.4"),
    (["NOOP whatever"], "250 2.0.0"),
    (["VRFY ada@customer.example"], "252 2.5.0"),
    (["EXPN staff"], "502 5.5.1"),
    (["HELP"], "500 5.5.1"),
    (["XCLIENT ADDR=127.0.0.1"], "500 5.5.1"),
    (["XFORWARD ADDR=127.0.0.1"], "500 5.5.1"),
    (["BDAT 10 LAST"], "500 5.5.1"),
    (["STARTTLS"], "502 5.5.1"),
    (["AUTH PLAIN AGEAYg=="], "538 5.7.11"),
    (["GET / HTTP/1.1"], "421 5.5.1"),
    ([""], "500 5.5.1"),
    (["QUIT"], "221 2.0.0"),
]


@pytest.mark.parametrize(("lines", "code"), WRONG, ids=lambda x: x[-1] if x else "")
async def test_every_command_is_answered_as_the_rfcs_say(lines: list[str], code: str) -> None:
    async with intake(Shelf()) as running, client(running.ports[0]) as one:
        assert (await one.ask(*lines)).startswith(code)


async def test_the_sockets_of_a_failed_start_are_closed() -> None:
    async with intake(Shelf()) as running:
        taken = Listener(HOST, running.ports[0])
        with pytest.raises(OSError, match="in use"):
            async with intake(Shelf(), Listener(HOST, 0), taken):
                pass


async def test_implicit_tls_is_spoken(tls: Contexts) -> None:
    shelf = Shelf()
    async with (
        intake(shelf, Listener(HOST, 0, Tls.IMPLICIT, tls.server)) as running,
        client(running.ports[0], tls=tls.client) as one,
    ):
        assert "STARTTLS" not in await one.ask("EHLO x")
        assert (await one.send()).startswith("250")
    assert b"with ESMTPS\r\n" in shelf.kept[0].raw


def _by_smtplib(port: int) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(HOST, port, timeout=10) as sender:
        sender.ehlo_or_helo_if_needed()
        return sender.sendmail("orders@bikes.example", [CUSTOMER, "no address"], LETTER)


async def test_pythons_own_client_is_understood() -> None:
    shelf = Shelf()
    async with intake(shelf) as running:
        refused = await asyncio.to_thread(_by_smtplib, running.ports[0])
    assert [code for code, _ in refused.values()] == [553]
    assert shelf.kept[0].recipients == (CUSTOMER,)
