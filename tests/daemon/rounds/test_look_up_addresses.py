"""Each mail gets its customer's provider, over a real socket and a real database."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from daemon.ledger import addresses, mails
from daemon.ledger.arrivals import Arrivals
from daemon.lifecycles.arrival import Arrival, IntakeMode
from daemon.rounds import look_up_addresses
from daemon.rounds.look_up_addresses import GIVEN_UP_AFTER, AddressLookUp
from probes.addressee import Addressees
from tests.daemon.rounds.conftest import HeldClock
from tests.probes.dns_stub import DnsStub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.ledger.addresses import Unknown
    from daemon.rounds.surroundings import Surroundings


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add("tea.example", "MX", "1 aspmx.l.google.com")
        stub.add("own.example", "MX", "1 mx.own.example")
        stub.add("mx.own.example", "A", "127.0.0.1")
        stub.add("aspmx.l.google.com", "A", "127.0.0.1")
        yield stub


def look_up(around: Surroundings, stub: DnsStub, **wishes: float) -> AddressLookUp:
    return AddressLookUp(around, Addressees(stub.resolver(timeout_s=0.5)), **wishes)


async def take(around: Surroundings, *recipients: str) -> None:
    """Take one message in, to all of them."""
    raw = b"Subject: Order 1001\r\n\r\nThank you.\r\n"
    arrivals = Arrivals(around.ledger, routes={"tea": "relay"})
    arrival = Arrival(
        shop="tea",
        mode=IntakeMode.RELAY,
        mail_from="orders@tea.example",
        recipients=recipients,
        client="127.0.0.1",
        helo="tea.example",
        login=None,
        smtputf8=False,
        received_at=around.clock.now(),
        message_id=None,
        dedupe=hashlib.sha256(repr(recipients).encode()).digest(),
        sha256=hashlib.sha256(raw).digest(),
        raw=raw,
    )
    assert not (await arrivals.take(arrival)).duplicate
    await arrivals.close()


async def providers(around: Surroundings) -> dict[str, str | None]:
    async with around.ledger.read() as conn:
        return {row.recipient: row.provider for row in await mails.search(conn, "", limit=999)}


async def waiting(around: Surroundings) -> list[Unknown]:
    async with around.ledger.read() as conn:
        return await addresses.unknown_providers(conn, 999)


async def test_each_mail_gets_its_provider_and_each_domain_is_asked_for_once(
    around: Surroundings, stub: DnsStub
) -> None:
    await take(around, "a@gmail.com", *(f"{n}@tea.example" for n in range(9)), "a@own.example")
    assert await look_up(around, stub).run_once() == 11
    found = await providers(around)
    assert found["a@gmail.com"] == "gmail"
    assert {found[f"{n}@tea.example"] for n in range(9)} == {"gmail"}
    # looked up, and nobody known
    assert found["a@own.example"] == ""
    assert stub.questions.count(("tea.example", "MX")) == 1


async def test_what_was_written_is_not_looked_up_again(around: Surroundings, stub: DnsStub) -> None:
    await take(around, "a@own.example", "a@tea.example")
    await look_up(around, stub).run_once()
    asked = len(stub.questions)
    assert await waiting(around) == []
    assert await look_up(around, stub).run_once() == 0
    assert len(stub.questions) == asked


async def test_a_known_domain_s_provider_is_written_although_dns_is_away(
    around: Surroundings, stub: DnsStub
) -> None:
    stub.servfail.add("hotmail.com")
    await take(around, "a@hotmail.com")
    await look_up(around, stub).run_once()
    assert await providers(around) == {"a@hotmail.com": "outlook"}


async def test_silent_dns_leaves_a_mail_for_later_and_gives_it_up_after_a_day(
    around: Surroundings, stub: DnsStub
) -> None:
    clock = around.clock
    assert isinstance(clock, HeldClock)
    stub.servfail.add("tea.example")
    stub.servfail.add("own.example")
    await take(around, "a@tea.example", "a@own.example")
    rounds = look_up(around, stub)
    assert await rounds.run_once() == 0
    stub.servfail.remove("tea.example")
    clock.pass_(minutes=5)
    assert await rounds.run_once() == 1
    assert await providers(around) == {"a@tea.example": "gmail", "a@own.example": None}
    clock.pass_(seconds=GIVEN_UP_AFTER.total_seconds())
    assert await rounds.run_once() == 1
    assert await providers(around) == {"a@tea.example": "gmail", "a@own.example": ""}


async def test_mails_about_whom_dns_is_silent_do_not_hold_up_the_others(
    around: Surroundings, stub: DnsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_up_addresses, "AT_ONCE", 2)
    stub.servfail |= {f"{n}.example" for n in range(5)}
    await take(around, *(f"a@{n}.example" for n in range(5)))
    clock = around.clock
    assert isinstance(clock, HeldClock)
    clock.pass_(seconds=1)
    await take(around, "a@tea.example")
    rounds = look_up(around, stub)
    assert [await rounds.run_once() for _ in range(3)] == [0, 0, 1]
    assert len(await waiting(around)) == 5


async def test_a_round_does_not_wait_for_dns_longer_than_told(
    around: Surroundings, stub: DnsStub
) -> None:
    stub.silent |= {f"{n}.example" for n in range(3)}
    await take(around, "a@gmail.com", *(f"a@{n}.example" for n in range(3)))
    clock = around.clock
    assert isinstance(clock, HeldClock)
    clock.pass_(seconds=GIVEN_UP_AFTER.total_seconds())
    await look_up(around, stub, patience_s=0.2).run_once()
    assert (await providers(around))["a@gmail.com"] == "gmail"
    # nothing was heard of them yet, so they are not given up either
    assert len(await waiting(around)) == 3


async def test_an_empty_ledger_asks_nobody(around: Surroundings, stub: DnsStub) -> None:
    assert await look_up(around, stub).run_once() == 0
    assert stub.questions == []


async def test_the_oldest_come_first_and_the_next_after_them(around: Surroundings) -> None:
    clock = around.clock
    assert isinstance(clock, HeldClock)
    for n in range(3):
        await take(around, f"{n}x@tea.example", f"{n}y@tea.example")
        clock.pass_(seconds=1)
    seen: list[Unknown] = []
    async with around.ledger.read() as conn:
        while page := await addresses.unknown_providers(conn, 2, after=seen[-1] if seen else None):
            seen += page
    assert seen == await waiting(around)
    assert len({row.mail for row in seen}) == 6
    assert [row.received_at for row in seen] == sorted(row.received_at for row in seen)


async def test_what_one_daemon_wrote_another_does_not_write_over(around: Surroundings) -> None:
    await take(around, "a@tea.example")
    [unknown] = await waiting(around)
    async with around.ledger.write() as conn:
        assert await addresses.set_provider(conn, [unknown.mail], "gmail") == 1
        assert await addresses.set_provider(conn, [unknown.mail], "outlook") == 0
    assert await providers(around) == {"a@tea.example": "gmail"}


@pytest.mark.parametrize(
    "around", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
async def test_a_mail_that_somebody_has_in_hand_is_passed_over(around: Surroundings) -> None:
    await take(around, "a@tea.example", "b@tea.example")
    held, free = await waiting(around)
    async with around.ledger.write() as sender, around.ledger.write() as conn:
        assert await addresses.set_provider(sender, [held.mail], "gmail") == 1
        assert await addresses.set_provider(conn, [held.mail, free.mail], "gmail") == 1


def test_a_mail_is_given_up_later_than_dns_trouble_is_remembered() -> None:
    assert timedelta(minutes=5) < GIVEN_UP_AFTER
