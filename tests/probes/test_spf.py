"""SPF on what arrived: judged by the provider's own trace, never by a guess."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from probes.checks.spf import CHECK, check_host
from probes.observation import Finding, Severity, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import RECEIPT
from tests.probes.test_dkim import NOW
from tests.probes.test_received import POSTFIX, TEST, crlf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.checks.spf import SpfResult

RETURN_PATH = b"Return-Path: <orders@shop.test>\r\n"


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        yield stub


async def judged(stub: DnsStub, record: str = "", *, head: bytes = RETURN_PATH) -> Finding:
    if record:
        stub.add("shop.test", "TXT", record)
    raw = crlf(head + POSTFIX) + RECEIPT
    (finding,) = await CHECK.examine(Specimen(raw, NOW, TEST), stub.resolver())
    return finding


@pytest.mark.parametrize(
    ("record", "status", "severity"),
    [
        ("v=spf1 ip4:127.0.10.25 -all", "pass", Severity.OK),
        ("v=spf1 ip4:127.0.99.9 -all", "fail", Severity.PROBLEM),
        ("v=spf1 ~all", "softfail", Severity.PROBLEM),
        ("v=spf1 ?all", "neutral", Severity.PROBLEM),
        ("", "none", Severity.PROBLEM),
        ("v=spf1 moo -all", "permerror", Severity.PROBLEM),
        ("v=spf1 +all", "pass", Severity.NOTICE),
    ],
)
async def test_each_result_has_its_severity_and_a_bad_one_its_remedy(
    stub: DnsStub, record: str, status: str, severity: Severity
) -> None:
    finding = await judged(stub, record)
    assert (finding.status, finding.severity) == (status, severity)
    assert (finding.remedy is None) == (severity is Severity.OK)


async def test_the_evidence_shows_the_envelope_the_term_and_the_limits(stub: DnsStub) -> None:
    stub.add("esp.test", "TXT", "v=spf1 ip4:127.0.10.0/24 -all")
    stub.add("helo.shop.test", "TXT", "v=spf1 a -all")
    finding = await judged(stub, "v=spf1 a:gone.shop.test include:esp.test -all")
    expected = {
        "client_ip": "127.0.10.25",
        "helo": "helo.shop.test",
        "mail_from": "orders@shop.test",
        "identity": "mailfrom",
        "matched": "include:esp.test",
        "lookups": "2/10",
        "void_lookups": "1/2",
        "helo_result": "fail",
        "said_by": "mx.gmail.test",
    }
    assert {key: finding.evidence[key] for key in expected} == expected


async def test_two_records_are_told_to_be_merged(stub: DnsStub) -> None:
    stub.add("shop.test", "TXT", "v=spf1 -all")
    finding = await judged(stub, "v=spf1 ip4:127.0.10.25 -all")
    assert (finding.status, finding.evidence["two_records"]) == ("permerror", True)
    assert "Merge" in (finding.remedy or "")


async def test_more_than_ten_lookups_are_told_to_be_fewer(stub: DnsStub) -> None:
    stub.add("mx.shop.test", "A", "127.0.99.9")
    finding = await judged(stub, "v=spf1 " + "a:mx.shop.test " * 11 + "-all")
    assert (finding.status, finding.evidence["lookups"]) == ("permerror", "11/10")
    assert "at most 10" in (finding.remedy or "")


async def test_names_that_are_gone_are_told_to_be_removed(stub: DnsStub) -> None:
    finding = await judged(stub, "v=spf1 a:a.test a:b.test a:c.test -all")
    assert (finding.status, finding.evidence["void_lookups"]) == ("permerror", "3/2")
    assert "do not exist" in (finding.remedy or "")


async def test_a_name_server_that_fails_is_temporary_and_named(stub: DnsStub) -> None:
    stub.servfail.add("esp.test")
    finding = await judged(stub, "v=spf1 include:esp.test -all")
    assert (finding.status, finding.severity) == ("temperror", Severity.UNKNOWN)
    assert finding.evidence["failing_names"] == ["esp.test"]


async def test_the_null_sender_is_judged_by_helo(stub: DnsStub) -> None:
    stub.add("helo.shop.test", "TXT", "v=spf1 ip4:127.0.10.25 -all")
    finding = await judged(stub, head=b"Return-Path: <>\r\n")
    assert (finding.status, finding.evidence["identity"]) == ("pass", "helo")


@pytest.mark.parametrize(
    ("head", "trusted_hosts"),
    [
        (RETURN_PATH + POSTFIX, ()),
        (RETURN_PATH + POSTFIX, ("google.com",)),
        (RETURN_PATH, TEST),
        (POSTFIX, TEST),
        (POSTFIX + RETURN_PATH + RETURN_PATH, TEST),
    ],
    ids=["nobody trusted", "another host", "no trace", "no sender", "two senders below"],
)
async def test_without_a_believable_trace_it_is_not_evaluable(
    stub: DnsStub, head: bytes, trusted_hosts: tuple[str, ...]
) -> None:
    stub.add("shop.test", "TXT", "v=spf1 -all")
    specimen = Specimen(crlf(head) + RECEIPT, NOW, trusted_hosts)
    (finding,) = await CHECK.examine(specimen, stub.resolver())
    assert (finding.status, finding.severity) == ("not evaluable", Severity.UNKNOWN)
    assert finding.remedy is None


@pytest.mark.parametrize("ip", ["", "no address", "fe80::1%eth0", "999.1.1.1"])
def test_what_is_no_address_is_not_evaluable(stub: DnsStub, ip: str) -> None:
    stub.add("shop.test", "TXT", "v=spf1 ip4:127.0.10.25 ip6:fe80::/10 -all")
    assert check_host(ip, "a@shop.test", "h", stub.resolver()).status in {"not evaluable", "fail"}


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("user@bücher.test", "pass"),
        ("jörg@shop.test", "fail"),
        ("joe@shop.test", "pass"),
        ('"a@b"@shop.test', "pass"),
    ],
)
def test_international_names_follow_rfc_8616(stub: DnsStub, sender: str, status: str) -> None:
    stub.add("xn--bcher-kva.test", "TXT", "v=spf1 ip4:127.0.0.1 -all")
    stub.add("shop.test", "TXT", "v=spf1 exists:%{l}.users.shop.test -all")
    # What the local part would become if it were taken for a domain name.
    stub.add("xn--jrg-sna.users.shop.test", "A", "127.0.0.2")
    stub.add("joe.users.shop.test", "A", "127.0.0.2")
    stub.add('"a@b".users.shop.test', "A", "127.0.0.2")
    assert check_host("127.0.0.1", sender, "h.test", stub.resolver()).status == status


async def test_evaluations_side_by_side_do_not_mix_their_name_servers() -> None:
    with DnsStub() as good, DnsStub() as bad:
        good.add("shop.test", "TXT", "v=spf1 ip4:127.0.0.1 -all")
        bad.add("shop.test", "TXT", "v=spf1 -all")

        async def run(stub: DnsStub) -> SpfResult:
            return await asyncio.to_thread(
                check_host, "127.0.0.1", "a@shop.test", "h.test", stub.resolver()
            )

        results = await asyncio.gather(*(run(stub) for stub in [good, bad] * 20))
    assert [result.status for result in results] == ["pass", "fail"] * 20
