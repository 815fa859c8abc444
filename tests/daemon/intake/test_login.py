"""AUTH and STARTTLS, over real sockets."""

from __future__ import annotations

import asyncio
import statistics
import time
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from daemon.intake.login import Credentials, Logins, hash_password
from daemon.intake.terms import Listener
from probes.endpoint import Tls
from tests.daemon.intake.front import BIKES, HOST, LETTER, Client, Shelf, client, intake, with_login

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.intake.server import Intake
    from tests.daemon.intake.conftest import Tls as Contexts

PASSWORD = "correct horse"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
SHOP = with_login(BIKES, "bikes", QUICK)
CUSTOMER = "ada@customer.example"


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


GOOD = encoded(f"\0bikes\0{PASSWORD}")


@pytest.fixture
async def door(shelf: Shelf, tls: Contexts) -> AsyncIterator[Intake]:
    listener = Listener(HOST, 0, Tls.STARTTLS, tls.server)
    async with intake(shelf, listener, shops=(SHOP,)) as running:
        yield running


async def secured(one: Client, tls: Contexts) -> None:
    assert (await one.ask("EHLO x", "STARTTLS")).startswith("220 2.0.0")
    await one.start_tls(tls.client)
    assert "AUTH PLAIN LOGIN" in await one.ask("EHLO x")


async def test_a_shop_that_logged_in_may_send(door: Intake, shelf: Shelf, tls: Contexts) -> None:
    async with client(door.ports[0]) as one:
        await secured(one, tls)
        assert (await one.send()).startswith("530 5.7.0")
        await one.ask("RSET")
        assert (await one.ask(f"AUTH PLAIN {GOOD}")).startswith("235 2.7.0")
        assert (await one.ask(f"AUTH PLAIN {GOOD}")).startswith("503 5.5.1")
        assert (await one.send()).startswith("250")
    assert shelf.kept[0].login == "bikes"
    assert b"with ESMTPSA\r\n" in shelf.kept[0].raw


async def test_login_and_plain_without_an_initial_response(door: Intake, tls: Contexts) -> None:
    for lines in (
        ["AUTH LOGIN", encoded("bikes"), encoded(PASSWORD)],
        [f"auth login {encoded('bikes')}", encoded(PASSWORD)],
        ["AUTH PLAIN", GOOD],
        [f"AUTH PLAIN {encoded(f'bikes{chr(0)}bikes{chr(0)}{PASSWORD}')}"],
    ):
        async with client(door.ports[0]) as one:
            await secured(one, tls)
            assert (await one.ask(*lines)).startswith("235"), lines


WRONG = [
    ([f"AUTH PLAIN {encoded(f'{chr(0)}bikes{chr(0)}wrong')}"], "535 5.7.8"),
    ([f"AUTH PLAIN {encoded(f'{chr(0)}nobody{chr(0)}{PASSWORD}')}"], "535 5.7.8"),
    ([f"AUTH PLAIN {encoded(f'books{chr(0)}bikes{chr(0)}{PASSWORD}')}"], "501 5.5.2"),
    (["AUTH PLAIN ="], "501 5.5.2"),
    (["AUTH PLAIN %%%"], "501 5.5.2"),
    (["AUTH PLAIN /w=="], "501 5.5.2"),
    (["AUTH LOGIN", "*"], "501 5.7.0"),
    (["AUTH CRAM-MD5"], "504 5.5.4"),
    (["AUTH"], "504 5.5.4"),
    (["MAIL FROM:<>", f"AUTH PLAIN {GOOD}"], "503 5.5.1"),
    (["AUTH PLAIN " + "A" * 13_000], "500 5.5.2"),
]


@pytest.mark.parametrize(("lines", "code"), WRONG, ids=lambda x: x[-1][:30])
async def test_a_wrong_login_is_refused_and_the_session_lives(
    door: Intake, tls: Contexts, lines: list[str], code: str
) -> None:
    async with client(door.ports[0]) as one:
        await secured(one, tls)
        assert (await one.ask(*lines)).startswith(code)
        assert (await one.ask("NOOP")).startswith("250")


async def test_after_three_wrong_ones_it_is_over(door: Intake, shelf: Shelf, tls: Contexts) -> None:
    wrong = f"AUTH PLAIN {encoded(f'{chr(0)}bikes{chr(0)}wrong')}"
    async with client(door.ports[0]) as one:
        await secured(one, tls)
        answers = [await one.ask(wrong) for _ in range(3)]
        assert [answer[:9] for answer in answers] == ["535 5.7.8", "535 5.7.8", "421 4.7.0"]
        assert await one.reply() == ""
    assert shelf.events == [("login_refused", None)] * 3


async def test_under_tls_nothing_is_left_of_what_was_said_before(
    door: Intake, tls: Contexts
) -> None:
    async with client(door.ports[0]) as one:
        await one.begin()
        assert (await one.ask("STARTTLS")).startswith("220")
        await one.start_tls(tls.client)
        assert (await one.ask(f"RCPT TO:<{CUSTOMER}>")).startswith("503 5.5.1")
        assert (await one.ask("MAIL FROM:<>")).startswith("503 5.5.1")
        assert "STARTTLS" not in await one.ask("EHLO x")
        assert (await one.ask("STARTTLS")).startswith("502")


async def test_who_speaks_no_tls_after_starttls_is_let_go(door: Intake) -> None:
    async with client(door.ports[0]) as one:
        assert (await one.ask("EHLO x", "STARTTLS")).startswith("220")
        one.writer.write(b"MAIL FROM:<a@bikes.example>\r\n")
        rest = await asyncio.wait_for(one.reader.read(-1), 10)
    assert b"250" not in rest


async def test_a_password_that_was_right_is_not_hashed_again() -> None:
    slow = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1).hash(PASSWORD)
    logins = Logins([with_login(BIKES, "bikes", slow)])
    began = time.monotonic()
    assert await logins.shop_of(Credentials("bikes", PASSWORD))
    first = time.monotonic() - began
    for _ in range(20):
        assert await logins.shop_of(Credentials("bikes", PASSWORD))
    assert time.monotonic() - began < 3 * first + 0.2
    assert await logins.shop_of(Credentials("bikes", PASSWORD + "x")) is None


async def test_an_unknown_username_takes_as_long_as_a_wrong_password() -> None:
    logins = Logins([with_login(BIKES, "bikes", hash_password(PASSWORD))])

    async def spent(username: str) -> float:
        began = time.thread_time(), time.perf_counter()
        assert await logins.shop_of(Credentials(username, "wrong")) is None
        return time.perf_counter() - began[1]

    known, unknown = [], []
    for _ in range(9):
        known.append(await spent("bikes"))
        unknown.append(await spent("nobody"))
    assert 0.4 < statistics.median(known) / statistics.median(unknown) < 2.5


def test_a_claim_hides_its_password() -> None:
    assert PASSWORD not in repr(Credentials("bikes", PASSWORD))


async def test_a_hash_that_is_none_lets_nobody_in() -> None:
    logins = Logins([with_login(BIKES, "bikes", PASSWORD)])
    assert await logins.shop_of(Credentials("bikes", PASSWORD)) is None


async def test_a_login_proves_more_than_a_network(shelf: Shelf, tls: Contexts) -> None:
    books = with_login(BIKES, "books", QUICK)
    listener = Listener(HOST, 0, Tls.IMPLICIT, tls.server)
    shops = (BIKES, type(books)("books", relays=True, senders=frozenset({"books.example"}),
                                login=books.login))  # fmt: skip
    letter = LETTER.replace(b"bikes", b"books")
    async with (
        intake(shelf, listener, shops=shops) as running,
        client(running.ports[0], tls=tls.client) as one,
    ):
        answer = await one.send(letter, mail_from="a@books.example")
        assert answer.startswith("550 5.7.1")
        plain = encoded(f"\0books\0{PASSWORD}")
        assert (await one.ask("RSET", f"AUTH PLAIN {plain}")).startswith("235")
        assert (await one.send(letter, mail_from="a@books.example")).startswith("250")
    assert shelf.kept[0].shop == "books"
