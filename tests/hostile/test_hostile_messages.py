"""Messages written to hang, crash or fool the checks: a clear result within a second."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from probes.examination import Examiner, all_checks, examine_all
from probes.observation import Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import RECEIPT, SIGNED, Signer
from tests.probes.test_dkim import NOW
from tests.probes.test_received import POSTFIX, TEST, crlf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from probes.observation import Finding

WITHIN_S = 1.0
SHOP = Signer()
TRACE = crlf(b"Return-Path: <orders@shop.test>\n" + POSTFIX)
HEADER, _, BODY = RECEIPT.partition(b"\r\n\r\n")


def nested(depth: int) -> bytes:
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
        for n in range(depth)
    )
    return HEADER + b"\r\nMIME-Version: 1.0\r\n" + opening + b"\r\nhello\r\n"


def arc_sets(count: int) -> bytes:
    sets = b"".join(
        b"ARC-Seal: i=%d; cv=pass; a=rsa-sha256; d=shop.test; s=s1; b=YQ==\r\n"
        b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=shop.test; s=s1; h=from; bh=YQ==; b=YQ==\r\n"
        b"ARC-Authentication-Results: i=%d; mx.test; spf=pass\r\n" % (n, n, n)
        for n in range(1, count + 1)
    )
    return sets + RECEIPT


def signed_with_folds(folds: int) -> bytes:
    head, _, tail = SHOP.sign(RECEIPT).partition(b" b=")
    return head + b" b=" + b"\r\n " * folds + tail


def signed(body: bytes) -> bytes:
    return SHOP.sign(HEADER + b"\r\n\r\n" + body)


MESSAGES = {
    "200 KB of spaces": signed(b" " * 200_000 + b"x\r\n"),
    "200 KB of spaces at the end": signed(b"x" + b" " * 200_000),
    "4 MB of empty lines": signed(b"x\r\n" + b"\r\n" * 2_000_000),
    "80,000 headers": b"X: y\r\n" * 80_000 + RECEIPT,
    "one header of 1 MB": b"X: " + b"y" * 1_000_000 + b"\r\n" + RECEIPT,
    "one header of 16 KB of quotes": b"To: " + b'"' * 16_000 + b"\r\n" + RECEIPT,
    "500 open comments": RECEIPT.replace(b"From: ", b"From: " + b"(" * 500),
    "1,000 nested parts": nested(1000),
    "10,000 parts": HEADER + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nx\r\n" * 10_000,
    "4,000 folds after b=": signed_with_folds(4000),
    "300 ARC sets": arc_sets(300),
    "50 ARC sets": arc_sets(50),
    "1,000 signatures": b"DKIM-Signature: v=1; a=rsa-sha256; d=x.test\r\n" * 900 + RECEIPT,
    "8,000 names in h=": SHOP.sign(RECEIPT, fields=(*SIGNED, *("x" for _ in range(3900)))),
    "results of 16 KB": b"Authentication-Results: mx.gmail.test; a=b" + b" x.y=z" * 2600 + b"\r\n"
    + RECEIPT,
    "5 results of 2 KB": (
        b"Authentication-Results: mx.gmail.test; a=b" + b" policy.x=z" * 180 + b"\r\n"
    ) * 9 + RECEIPT,
    "a hop of 16 KB of brackets": b"Received: from " + b"([" * 8000 + b"\r\n" + RECEIPT,
    "900 hops": b"Received: from a by b.gmail.test with LMTP; x\r\n" * 900 + RECEIPT,
    "NUL and 8-bit everywhere": RECEIPT.replace(b" ", b"\x00\xff"),
    "nothing": b"",
    "no header": b"\r\n\r\n",
    "bare carriage returns": RECEIPT.replace(b"\r\n", b"\r"),
}  # fmt: skip


@pytest.fixture
async def world() -> AsyncIterator[tuple[DnsStub, Examiner]]:
    with DnsStub() as stub:
        stub.add(SHOP.key_name, "TXT", SHOP.key_record)
        stub.add("shop.test", "TXT", "v=spf1 ip4:127.0.10.25 -all")
        stub.add("_dmarc.shop.test", "TXT", "v=DMARC1; p=reject")
        examiner = Examiner(["127.0.0.1"], stub.port, timeout_s=1.0)
        await examiner.examine(Specimen(TRACE + RECEIPT, NOW, TEST))
        yield stub, examiner
        await examiner.close()


def demand_clear_result(findings: tuple[Finding, ...], started: float) -> None:
    assert time.monotonic() - started < WITHIN_S
    assert {finding.check for finding in findings} == {check.name for check in all_checks()}
    assert not [f for f in findings if "broke down" in f.summary or "died" in f.summary]
    assert all(finding.summary and finding.status for finding in findings)


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_hostile_message_gets_a_clear_result_within_a_second(
    world: tuple[DnsStub, Examiner], name: str
) -> None:
    stub, examiner = world
    specimen = Specimen(TRACE + MESSAGES[name], NOW, TEST)
    started = time.monotonic()
    here = await examine_all(specimen, stub.resolver())
    demand_clear_result(here, started)
    started = time.monotonic()
    demand_clear_result(await examiner.examine(specimen), started)


async def test_good_signatures_stay_good_under_hostile_white_space(
    world: tuple[DnsStub, Examiner],
) -> None:
    _, examiner = world
    for name in ("200 KB of spaces", "200 KB of spaces at the end", "4 MB of empty lines"):
        findings = await examiner.examine(Specimen(TRACE + MESSAGES[name], NOW, TEST))
        assert {f.check: f.status for f in findings}["dkim"] == "pass", name


async def test_the_caps_are_named(world: tuple[DnsStub, Examiner]) -> None:
    _, examiner = world
    caps = {
        "80,000 headers": "more than 1000 fields",
        "one header of 1 MB": "longer than 16384 bytes",
        "300 ARC sets": "more than 50 ARC sets",
    }
    for name, cap in caps.items():
        findings = await examiner.examine(Specimen(TRACE + MESSAGES[name], NOW, TEST))
        assert any(cap in finding.summary for finding in findings), (name, findings)


async def test_a_message_pointing_at_dead_name_servers_ends_within_the_budget() -> None:
    signatures = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=d%d.test; s=s; h=from; bh=YQ==; b=YQ==\r\n" % n
        for n in range(10)
    )
    with DnsStub() as stub:
        stub.silent |= {f"s._domainkey.d{n}.test" for n in range(10)}
        stub.silent |= {"shop.test", "_dmarc.shop.test", "25.10.0.127.in-addr.arpa"}
        examiner = Examiner(["127.0.0.1"], stub.port, timeout_s=5.0, budget_s=2.0)
        try:
            specimen = Specimen(TRACE + signatures + RECEIPT, NOW, TEST)
            findings = await asyncio.wait_for(examiner.examine(specimen), 30)
        finally:
            await examiner.close()
    statuses = {finding.status for finding in findings if finding.check == "dkim"}
    assert statuses == {"temperror"}
