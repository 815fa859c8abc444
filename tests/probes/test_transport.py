"""TLS of the last hop and the client's reverse name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.checks import reverse_dns, transport
from probes.observation import Finding, Severity, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import RECEIPT
from tests.probes.test_dkim import NOW
from tests.probes.test_received import GMAIL, GOOGLE, MICROSOFT, OUTLOOK, POSTFIX, TEST, crlf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.check import Check


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add("25.10.0.127.in-addr.arpa", "PTR", "relay.shop.test")
        stub.add("relay.shop.test", "A", "127.0.10.25")
        yield stub


async def tls(stub: DnsStub, header: bytes, hosts: tuple[str, ...] = TEST) -> Finding:
    specimen = Specimen(crlf(header) + RECEIPT, NOW, hosts)
    (finding,) = await transport.CHECK.examine(specimen, stub.resolver())
    return finding


@pytest.mark.parametrize(
    ("header", "hosts", "version"),
    [(GMAIL, GOOGLE, "1.3"), (POSTFIX, TEST, "1.3"), (MICROSOFT, OUTLOOK, "1.2")],
    ids=["gmail", "postfix", "microsoft"],
)
async def test_the_tls_version_is_read_as_each_provider_writes_it(
    stub: DnsStub, header: bytes, hosts: tuple[str, ...], version: str
) -> None:
    finding = await tls(stub, header, hosts)
    assert (finding.status, finding.severity) == ("encrypted", Severity.OK)
    assert finding.evidence["tls_version"] == version


PLAIN = (
    b"Received: from tls.shop.test (tls.shop.test [127.0.10.25]) by mx.gmail.test with %s; now\n"
)


@pytest.mark.parametrize(
    ("protocol", "status"),
    [
        (b"ESMTP", "not encrypted"),
        (b"SMTP", "not encrypted"),
        (b"ESMTPS", "encrypted"),
        (b"UTF8SMTPS", "encrypted"),
        (b"SMTPs", "encrypted"),
        (b"ESMTP (using TLSv1 with cipher X)", "encrypted"),
    ],
)
async def test_the_protocol_word_tells_of_tls(stub: DnsStub, protocol: bytes, status: str) -> None:
    finding = await tls(stub, PLAIN % protocol)
    assert finding.status == status
    assert (finding.severity is Severity.PROBLEM) == (status == "not encrypted")


async def test_an_outdated_version_is_noticed(stub: DnsStub) -> None:
    finding = await tls(stub, PLAIN % b"ESMTPS (version=TLS1_0)")
    assert (finding.severity, finding.evidence["tls_version"]) == (Severity.NOTICE, "1.0")


async def reverse(stub: DnsStub) -> Finding:
    specimen = Specimen(crlf(POSTFIX) + RECEIPT, NOW, TEST)
    (finding,) = await reverse_dns.CHECK.examine(specimen, stub.resolver())
    return finding


async def test_a_name_that_leads_back_confirms_the_client(stub: DnsStub) -> None:
    finding = await reverse(stub)
    assert (finding.status, finding.evidence["confirmed"]) == ("pass", ["relay.shop.test"])


async def test_a_name_that_leads_elsewhere_fails(stub: DnsStub) -> None:
    stub.remove("relay.shop.test", "A")
    stub.add("relay.shop.test", "A", "127.0.10.26")
    finding = await reverse(stub)
    assert (finding.status, finding.severity) == ("fail", Severity.PROBLEM)


async def test_a_client_without_a_name_is_told_to_get_one(stub: DnsStub) -> None:
    stub.remove("25.10.0.127.in-addr.arpa", "PTR")
    finding = await reverse(stub)
    assert finding.status == "permerror"
    assert finding.remedy


@pytest.mark.parametrize("name", ["25.10.0.127.in-addr.arpa", "relay.shop.test"])
async def test_failing_dns_is_no_verdict(stub: DnsStub, name: str) -> None:
    stub.servfail.add(name)
    finding = await reverse(stub)
    assert (finding.status, finding.severity) == ("temperror", Severity.UNKNOWN)


async def test_ipv6_clients_are_confirmed_by_value_not_by_spelling(stub: DnsStub) -> None:
    pointer = "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"
    stub.add(pointer, "PTR", "six.shop.test")
    stub.add("six.shop.test", "AAAA", "2001:db8:0:0::1")
    assert (await reverse_dns.confirm("2001:db8::1", stub.resolver())).status == "pass"


@pytest.mark.parametrize("check", [transport.CHECK, reverse_dns.CHECK], ids=["tls", "reverse"])
async def test_without_a_trusted_hop_nothing_is_said(stub: DnsStub, check: Check) -> None:
    (finding,) = await check.examine(Specimen(RECEIPT, NOW, TEST), stub.resolver())
    assert (finding.status, finding.severity) == ("not evaluable", Severity.UNKNOWN)
