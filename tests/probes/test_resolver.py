"""Look-ups keep their outcomes apart, over a real socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from probes.observation import Specimen
from probes.resolver import Outcome, Resolver, a_labels, once, reverse_name
from tests.probes.dns_stub import DnsStub
from tests.probes.test_dkim import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add("shop.test", "TXT", [b"one ", b"two"], "other")
        stub.add("shop.test", "MX", "10 mx.shop.test")
        stub.add("www.shop.test", "CNAME", "web.shop.test")
        stub.add("web.shop.test", "A", "127.0.0.1", "127.0.0.2")
        stub.add("web.shop.test", "AAAA", "::1")
        stub.add("1.0.0.127.in-addr.arpa", "PTR", "web.shop.test")
        yield stub


def test_records_come_in_plain_shapes(stub: DnsStub) -> None:
    resolver = stub.resolver()
    assert set(resolver.lookup("shop.test", "TXT").texts) == {b"one two", b"other"}
    assert resolver.lookup("shop.test", "MX").exchanges == ((10, "mx.shop.test"),)
    assert set(resolver.lookup("www.shop.test", "A").addresses) == {"127.0.0.1", "127.0.0.2"}
    assert resolver.lookup("web.shop.test", "AAAA").addresses == ("::1",)
    assert resolver.lookup(reverse_name("127.0.0.1"), "PTR").hosts == ("web.shop.test",)
    assert resolver.lookup("www.shop.test", "CNAME").hosts == ("web.shop.test",)


def test_absent_empty_and_failing_stay_apart(stub: DnsStub) -> None:
    stub.servfail.add("broken.test")
    resolver = stub.resolver()
    assert resolver.lookup("shop.test", "A").outcome is Outcome.NO_DATA
    assert resolver.lookup("nobody.test", "A").outcome is Outcome.NXDOMAIN
    broken = resolver.lookup("broken.test", "A")
    assert broken.outcome is Outcome.TEMPORARY
    assert "SERVFAIL" in (broken.problem or "")


def test_silence_is_temporary_and_bounded_by_the_timeout(stub: DnsStub) -> None:
    stub.silent.add("silent.test")
    answer = stub.resolver(timeout_s=0.2).lookup("silent.test", "A")
    assert (answer.outcome, answer.problem) == (Outcome.TEMPORARY, "no answer in time")


def test_no_server_at_all_is_temporary() -> None:
    with DnsStub() as gone:
        port = gone.port
    answer = Resolver(["127.0.0.1"], port, timeout_s=0.2).lookup("shop.test", "A")
    assert answer.outcome is Outcome.TEMPORARY


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", ".".join(["abcdefg"] * 40), "\\"])
def test_what_can_be_no_name_does_not_exist_and_is_not_asked(stub: DnsStub, name: str) -> None:
    assert stub.resolver().lookup(name, "A").outcome is Outcome.NXDOMAIN
    assert stub.questions == []


async def test_asking_does_not_block_the_event_loop(stub: DnsStub) -> None:
    stub.silent.add("silent.test")
    resolver = stub.resolver(timeout_s=0.3)
    order = []

    async def slow() -> None:
        await resolver.ask("silent.test", "A")
        order.append("slow")

    async def quick() -> None:
        await resolver.ask("web.shop.test", "A")
        order.append("quick")

    await asyncio.gather(slow(), quick())
    assert order == ["quick", "slow"]


def test_an_inquiry_asks_each_question_once_and_keeps_every_outcome(stub: DnsStub) -> None:
    stub.servfail.add("broken.test")
    inquiry = stub.resolver().inquiry()
    for _ in range(3):
        inquiry.lookup("broken.test", "TXT")
        inquiry.lookup("Shop.test.", "TXT")
    assert stub.questions == [("broken.test", "TXT"), ("shop.test", "TXT")]
    outcomes = [answer.outcome for answer in inquiry.answers]
    assert outcomes == [Outcome.TEMPORARY, Outcome.RECORDS]


def test_an_inquiry_stops_asking_when_its_time_is_used_up(stub: DnsStub) -> None:
    stub.silent |= {"one.test", "two.test", "three.test"}
    inquiry = stub.resolver(timeout_s=0.1).inquiry()
    answers = [inquiry.lookup(f"{n}.test", "A") for n in ("one", "two", "three", "four")]
    assert {answer.outcome for answer in answers} == {Outcome.TEMPORARY}
    assert ("four.test", "A") not in stub.questions
    assert "used up" in (answers[-1].problem or "")


async def test_one_computation_serves_all_checks_of_an_examination(stub: DnsStub) -> None:
    runs = []

    @once
    async def compute(specimen: Specimen, _resolver: Resolver) -> int:
        runs.append(specimen)
        await asyncio.sleep(0)
        return len(runs)

    one, other = Specimen(b"a", NOW), Specimen(b"b", NOW)
    inquiry = stub.resolver().inquiry()
    shared = await asyncio.gather(compute(one, inquiry), compute(one, inquiry))
    assert list(shared) == [1, 1]
    assert await compute(other, inquiry) == 2
    await compute(one, stub.resolver())
    assert len(runs) == 3


def test_names_become_a_labels_or_are_refused() -> None:
    assert a_labels("Bücher.Example.") == "xn--bcher-kva.example"
    with pytest.raises(ValueError, match="no domain name"):
        a_labels("a..b")
    with pytest.raises(ValueError, match="no IP address"):
        reverse_name("shop.test")
