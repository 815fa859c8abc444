"""The receiver's own verdict: read in the forms providers write, believed only from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.authres import Claim, parse_results, receiver_results
from probes.checks.authentication_results import CHECK
from probes.letter import read_letter
from probes.observation import Finding, Severity, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import RECEIPT, Signer
from tests.probes.test_dkim import NOW
from tests.probes.test_received import MICROSOFT, MICROSOFT_INSIDE, OUTLOOK, POSTFIX, TEST, crlf

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = Signer()
GOOGLE_RESULTS = (
    "mx.google.com; dkim=pass header.i=@shop.test header.s=s1 header.b=a/b+c=; spf=pass"
    " (google.com: domain of a@shop.test designates 1.2.3.4 (x) as permitted sender)"
    " smtp.mailfrom=a@shop.test; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=shop.test"
)
MICROSOFT_RESULTS = (
    "spf=pass (sender IP is 198.51.100.7) smtp.mailfrom=shop.test; dkim=pass (signature was"
    " verified) header.d=shop.test;dmarc=pass action=none header.from=shop.test;compauth=pass"
    " reason=100"
)


@pytest.mark.parametrize(
    ("value", "authserv_id", "claims"),
    [
        (
            GOOGLE_RESULTS,
            "mx.google.com",
            [("dkim", "pass"), ("spf", "pass"), ("dmarc", "pass")],
        ),
        (
            MICROSOFT_RESULTS,
            None,
            [("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass"), ("compauth", "pass")],
        ),
        ("mx.gmail.test; spf=fail smtp.mailfrom=shop.test;", "mx.gmail.test", [("spf", "fail")]),
        ("i=2; mx.gmail.test; dkim=fail header.d=shop.test", "mx.gmail.test", [("dkim", "fail")]),
        ("mx.gmail.test; none", "mx.gmail.test", []),
    ],
)
def test_real_forms_are_read(
    value: str, authserv_id: str | None, claims: list[tuple[str, str]]
) -> None:
    parsed = parse_results(value)
    assert parsed is not None
    assert parsed.authserv_id == authserv_id
    assert [(claim.method, claim.result) for claim in parsed.claims] == claims
    assert {claim.domain for claim in parsed.claims} <= {"shop.test", None}


@pytest.mark.parametrize("value", ["", ";", "(" * 16000, "a; b=c " + "x.y=z " * 3000, "a b c", "="])
def test_malformed_or_endless_fields_are_refused(value: str) -> None:
    assert parse_results(value) is None


def claims_of(header: bytes, hosts: tuple[str, ...]) -> list[Claim]:
    results = receiver_results(read_letter(crlf(header) + b"\r\n"), hosts)
    return [claim for found in results for claim in found.claims]


PASS = b"Authentication-Results: mx.gmail.test; spf=pass smtp.mailfrom=shop.test\r\n"
FAIL = b"Authentication-Results: mx.gmail.test; spf=fail smtp.mailfrom=shop.test\r\n"


def test_above_the_providers_hop_its_fields_are_believed() -> None:
    assert [claim.result for claim in claims_of(PASS + POSTFIX, TEST)] == ["pass"]
    unnamed = f"Authentication-Results: {MICROSOFT_RESULTS}\n".encode()
    found = claims_of(MICROSOFT_INSIDE + unnamed + MICROSOFT, OUTLOOK)
    assert [claim.method for claim in found] == ["spf", "dkim", "dmarc", "compauth"]


def test_below_the_hop_only_the_topmost_in_the_providers_name_counts() -> None:
    assert [claim.result for claim in claims_of(POSTFIX + FAIL + PASS, TEST)] == ["fail"]
    unnamed = f"Authentication-Results: {MICROSOFT_RESULTS}\n".encode()
    assert claims_of(MICROSOFT + unnamed, OUTLOOK) == []


def test_a_strangers_results_and_those_below_the_next_hop_are_not_believed() -> None:
    stranger = PASS.replace(b"mx.gmail.test", b"mx.evil.test")
    other_hop = b"Received: from a by relay.shop.test; now\r\n"
    assert claims_of(stranger + POSTFIX, TEST) == []
    assert claims_of(POSTFIX + stranger, TEST) == []
    assert claims_of(POSTFIX + other_hop + PASS, TEST) == []
    assert claims_of(PASS, TEST) == []


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add(SHOP.key_name, "TXT", SHOP.key_record)
        stub.add("shop.test", "TXT", "v=spf1 ip4:127.0.10.25 -all")
        stub.add("_dmarc.shop.test", "TXT", "v=DMARC1; p=reject")
        yield stub


async def finding(stub: DnsStub, results: str) -> Finding:
    header = b"Return-Path: <orders@shop.test>\n"
    if results:
        header += f"Authentication-Results: mx.gmail.test; {results}\n".encode()
    raw = crlf(header + POSTFIX) + SHOP.sign(RECEIPT)
    (found,) = await CHECK.examine(Specimen(raw, NOW, TEST), stub.resolver().inquiry())
    return found


async def test_equal_verdicts_agree(stub: DnsStub) -> None:
    found = await finding(
        stub,
        "spf=pass smtp.mailfrom=orders@shop.test; dkim=pass header.d=shop.test header.s=s1;"
        " dmarc=pass header.from=shop.test",
    )
    assert (found.status, found.severity) == ("agrees", Severity.OK)
    assert [method["agrees"] for method in found.evidence["methods"]] == [True, True, True]


async def test_a_receiver_that_refuses_what_we_pass_is_a_problem(stub: DnsStub) -> None:
    found = await finding(stub, "spf=pass smtp.mailfrom=shop.test; dkim=fail header.d=shop.test")
    assert (found.status, found.severity) == ("disagrees", Severity.PROBLEM)
    agreement = {m["method"]: m["agrees"] for m in found.evidence["methods"]}
    assert agreement == {"spf": True, "dkim": False}


async def test_a_receiver_that_passes_what_we_fail_is_noticed(stub: DnsStub) -> None:
    stub.remove("shop.test", "TXT")
    found = await finding(stub, "spf=pass smtp.mailfrom=shop.test")
    assert (found.status, found.severity) == ("disagrees", Severity.NOTICE)


async def test_where_we_have_no_verdict_there_is_no_disagreement(stub: DnsStub) -> None:
    stub.servfail.add("shop.test")
    found = await finding(stub, "spf=pass smtp.mailfrom=shop.test")
    assert (found.status, found.severity) == ("not evaluable", Severity.UNKNOWN)


async def test_a_receiver_that_wrote_nothing_is_no_problem(stub: DnsStub) -> None:
    found = await finding(stub, "")
    assert (found.status, found.severity) == ("none", Severity.OK)
