"""Hostile input against the intake, over real sockets: answered, and in nobody else's way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil
import pytest
import structlog

from daemon import logs
from daemon.intake.terms import Listener, Shop
from daemon.lifecycles.arrival import IntakeMode
from probes.endpoint import Tls
from tests.daemon.intake.conftest import door, one, shelf, tls
from tests.daemon.intake.front import (
    BIKES,
    BOOKS,
    BOUNCE,
    HOST,
    LETTER,
    TEAS,
    Client,
    Shelf,
    client,
    intake,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.daemon.intake.conftest import Tls as Contexts

__all__ = ["door", "one", "shelf", "tls"]  # fixtures

CUSTOMER = "ada@customer.example"
MB = 1024 * 1024
WITHIN_S = 1.0
SLACK_S = 2.0
"""A busy machine takes its share of the time that is measured."""


ENDINGS = [
    b"\n.\n",
    b"\r.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_1_to_10_no_message_is_smuggled_in_another(
    one: Client, shelf: Shelf, ending: bytes
) -> None:
    await one.begin(to=CUSTOMER)
    second = LETTER.replace(b"orders@", b"evil@")
    smuggled = b"MAIL FROM:<evil@bikes.example>\r\nRCPT TO:<v@customer.example>\r\nDATA\r\n"
    answer = await one.data(LETTER + ending + smuggled + second + b"\r\n.\r\n")
    assert answer.startswith("550 5.6.0" if b"\0" in ending else "250 2.0.0")
    assert (await one.ask("NOOP")).startswith("250")
    assert len(shelf.kept) == (0 if b"\0" in ending else 1)
    for kept in shelf.kept:
        assert (kept.mail_from, kept.recipients) == ("orders@bikes.example", (CUSTOMER,))
        assert kept.raw.count(b"\r\n") == kept.raw.count(b"\r") == kept.raw.count(b"\n")


async def test_11_what_is_glued_behind_starttls_is_dropped(shelf: Shelf, tls: Contexts) -> None:
    listener = Listener(HOST, 0, Tls.STARTTLS, tls.server)
    async with intake(shelf, listener) as running, client(running.ports[0]) as one:
        await one.ask("EHLO x")
        glued = b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@bikes.example>\r\n"
        one.writer.write(glued + b"RCPT TO:<ada@customer.example>\r\n")
        assert (await one.reply()).startswith("220")
        await one.start_tls(tls.client)
        assert (await one.ask("RCPT TO:<ada@customer.example>")).startswith("503")
        assert (await one.ask("MAIL FROM:<a@bikes.example>")).startswith("503 5.5.1 Send EHLO")
        assert (await one.send()).startswith("250")
    assert [kept.mail_from for kept in shelf.kept] == ["orders@bikes.example"]


OPEN_RELAYS = [
    "<victim@target.example>",
    "<victim%target.example@intake.example>",
    "<victim%target.example@[127.0.0.1]>",
    "<victim%target.example>",
    "<victim@target.example@intake.example>",
    "<@intake.example:victim@target.example>",
    "<@a.example,@intake.example:victim@target.example>",
    "<target.example!victim>",
    "<target.example!victim@intake.example>",
    "<intake.example!target.example!victim>",
    '<"victim@target.example">',
    '<"victim@target.example"@intake.example>',
    '<"victim%target.example"@intake.example>',
    '<"target.example!victim"@intake.example>',
    "<victim@[198.51.100.1]>",
    "<victim@[IPv6:2001:db8::1]>",
    "<victim@target.example.>",
    "<victim@localhost>",
    "<victim@target.example@[127.0.0.1]>",
    "<copy+bikes@intake.example@target.example>",
    "<copy+bikes%target.example@intake.example>",
    "<bounces+signed%target.example@bikes.example>",
    "<bounces+signed@bikes.example@target.example>",
]
SENDERS = ["", "orders@bikes.example", "root@localhost", "copy+bikes@intake.example", BOUNCE]


@pytest.mark.parametrize("recipient", OPEN_RELAYS)
async def test_12_a_stranger_relays_nothing_in_any_form(shelf: Shelf, recipient: str) -> None:
    strangers = (Shop("bikes", relays=True, copy_to=BIKES.copy_to, senders=BIKES.senders), TEAS)
    async with intake(shelf, shops=strangers) as running, client(running.ports[0]) as one:
        await one.ask("EHLO x")
        for sender in SENDERS:
            await one.ask(f"MAIL FROM:<{sender}>")
            assert (await one.ask(f"RCPT TO:{recipient}")).startswith("550 5.7.1")
            assert (await one.ask("DATA")).startswith("554 5.5.1")
            await one.ask("RSET")
    assert not shelf.kept


@pytest.fixture
def log_setup() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("log_setup")
async def test_13_a_password_in_the_clear_is_refused_and_never_logged(
    tls: Contexts, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.setup(as_json=True)
    shelf, secret = Shelf(), "AGJpa2VzAGh1c2gtaHVzaA=="  # NUL bikes NUL hush-hush
    listener = Listener(HOST, 0, Tls.STARTTLS, tls.server)
    async with intake(shelf, listener) as running, client(running.ports[0]) as one:
        assert "AUTH" not in await one.ask("EHLO x")
        assert (await one.ask(f"AUTH PLAIN {secret}")).startswith("538 5.7.11")
        assert (await one.ask("AUTH LOGIN")).startswith("538 5.7.11")
        assert (await one.send()).startswith("250")
    said = "".join(capsys.readouterr())
    assert '"mail taken"' in said
    assert secret not in said
    assert "hush" not in said
    assert "Thank you" not in said


@pytest.mark.parametrize(
    "line",
    [
        b"MAIL FROM:<a\0b@bikes.example>",
        b"MAIL FROM:<orders@bikes.example>\0",
        b"MAIL FROM:<\xff\xfe@bikes.example>",
        "MAIL FROM:<ä@bikes.example>".encode(),
        b"MAIL FROM:<\xc3@bikes.example> SMTPUTF8",
        b"MAIL FROM:<a@bikes.example>\rRCPT TO:<b@customer.example>",
        b"MAIL FROM:<a\x1b[31m@bikes.example>",
        b"EHLO \xe4",
        b"\xff\xff\xff",
    ],
)
async def test_18_bytes_that_are_no_command_are_501_and_the_session_lives(
    one: Client, line: bytes
) -> None:
    await one.ask("EHLO x")
    assert (await one.ask(line)).startswith("501 5.5")
    assert (await one.send()).startswith("250")


async def test_18_a_command_without_end_is_refused_and_costs_nothing(one: Client) -> None:
    await one.ask("EHLO x")
    before = psutil.Process().memory_info().rss
    for _ in range(200):
        one.writer.write(b"A" * 100_000)
        await one.writer.drain()
    assert psutil.Process().memory_info().rss - before < 5 * MB
    assert (await one.ask("")).startswith("500 5.5.2")
    assert (await one.send()).startswith("250")


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        (b"RCPT TO:<a@good.example, evil@x.example>", "501"),
        (b"RCPT TO:<a@good.example,evil@x.example>", "553 5.1.3"),
        (b"RCPT TO:<a@good.example> <evil@x.example>", "501"),
        (b"RCPT TO:<a@good.example>, <evil@x.example>", "501"),
        (b'RCPT TO:<"x\r\nRCPT TO:<evil@x.example>"@y.example>', "501"),
        (b'RCPT TO:<"x"@y.example>', "553 5.1.3"),
        (b"RCPT TO:<a@good.example>evil", "501"),
        (b"RCPT TO:<<evil@x.example>>", "501"),
        ("RCPT TO:<ä@good.example>".encode(), "501"),
        (b"RCPT TO:<a..b@good.example>", "553 5.1.3"),
        (b"RCPT TO:<>", "553 5.1.3"),
        (b"RCPT TO:<" + b"a" * 65 + b"@good.example>", "553 5.1.3"),
        (b"RCPT TO:<a@" + b"b." * 200 + b"example>", "501"),
    ],
)
async def test_27_a_recipient_is_one_plain_address_or_refused(
    one: Client, shelf: Shelf, recipient: bytes, code: str
) -> None:
    await one.begin()
    assert (await one.ask(recipient)).startswith(code)
    if b"\r\n" in recipient:
        assert (await one.reply()).startswith(("501", "553"))
    assert (await one.ask("RCPT TO:<A.b+c@Good.Example>")).startswith("250")
    assert (await one.data(LETTER + b".\r\n")).startswith("250")
    assert shelf.kept[0].recipients == ("A.b+c@good.example",)


async def test_28_another_shops_envelope_sender_is_refused(one: Client, shelf: Shelf) -> None:
    for sender in ("orders@books.example", "x@post.books.example", "x@stranger.example"):
        assert (await one.send(mail_from=sender)).startswith("550 5.7.1")
        await one.ask("RSET")
    assert not shelf.kept


@pytest.mark.parametrize(
    "field",
    [
        b"From: Books <orders@books.example>\r\n",
        b"From:\r\n orders@\r\n (x) BOOKS.example\r\n",
        b"Reply-To: orders@books.example\r\n",
        b"Sender: orders@books.example\r\n",
        b"FROM: a@bikes.example, orders@books.example\r\n",
    ],
)
async def test_28_another_shops_name_in_the_header_is_refused(
    one: Client, shelf: Shelf, field: bytes
) -> None:
    assert (await one.send(field + LETTER)).startswith("550 5.7.1")
    assert (await one.send()).startswith("250")
    assert len(shelf.kept) == 1


async def test_29_a_forged_return_path_is_refused(shelf: Shelf) -> None:
    async with intake(shelf, shops=(BOOKS, TEAS)) as running, client(running.ports[0]) as one:
        forged = BOUNCE.replace("signed", "forged")
        assert (await one.send(mail_from="", to=forged)).startswith("550 5.7.1")
        await one.ask("RSET")
        assert (await one.send(mail_from="", to=BOUNCE)).startswith("250")
    assert [kept.mode for kept in shelf.kept] == [IntakeMode.BOUNCE]
    assert ("refused", None) in shelf.events


@pytest.mark.usefixtures("log_setup")
async def test_38_nothing_of_a_client_writes_a_line_of_its_own_into_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.setup(as_json=True)
    shelf = Shelf()
    async with intake(shelf) as running, client(running.ports[0]) as one:
        await one.ask("EHLO %s%n{0}")
        await one.ask("MAIL FROM:<%s\u2028\u202e@bikes.example> SMTPUTF8")
        await one.ask("RCPT TO:<\u2028{evil}@customer.example>")
        await one.ask("RSET")
        letter = LETTER.replace(b"<1001@", b"<\x1b[2J\xe2\x80\xa8%s@")
        assert (await one.send(letter)).startswith("250")
    lines = [line for line in "".join(capsys.readouterr()).splitlines() if line]
    assert [json.loads(line)["event"] for line in lines][-2:] == ["mail refused", "mail taken"]
    assert all(line.isascii() and line.isprintable() for line in lines)
