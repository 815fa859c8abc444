"""ARC chains: the whole, the broken, the cut and the endless."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.checks.arc import CHECK
from probes.observation import Finding, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import RECEIPT, Signer
from tests.probes.test_dkim import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = Signer(domain="list.test")
FORWARDER = Signer(domain="forwarder.test", selector="arc")


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        for sealer in (LIST, FORWARDER):
            stub.add(sealer.key_name, "TXT", sealer.key_record)
        yield stub


def chain(length: int = 2) -> bytes:
    raw = RECEIPT
    for instance in range(1, length + 1):
        raw = (LIST if instance % 2 else FORWARDER).seal(raw, instance)
    return raw


async def judged(stub: DnsStub, raw: bytes, *, truncated: bool = False) -> Finding:
    (finding,) = await CHECK.examine(Specimen(raw, NOW, truncated=truncated), stub.resolver())
    return finding


async def test_without_a_chain_there_is_nothing_to_say(stub: DnsStub) -> None:
    assert (await judged(stub, RECEIPT)).status == "none"


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_a_whole_chain_passes_and_names_its_sealers(stub: DnsStub, length: int) -> None:
    finding = await judged(stub, chain(length))
    assert finding.status == "pass"
    expected = ["list.test", "forwarder.test"] * length
    assert finding.evidence["sealers"] == expected[:length]


@pytest.mark.parametrize("first", [b"\ti=1;", b"\r\n i=1;", b"i=1;", b"  i = 1 ;"])
async def test_white_space_before_the_instance_does_no_harm(stub: DnsStub, first: bytes) -> None:
    raw = LIST.seal(RECEIPT, 1)
    assert b"ARC-Authentication-Results: i=1;" in raw
    # Relaxed form hides folds and tabs, so the seal over the results still holds where it may.
    changed = raw.replace(
        b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results:" + first
    )
    expected = "fail" if b"i = 1" in first else "pass"
    assert (await judged(stub, changed)).status == expected


@pytest.mark.parametrize(
    ("old", "new", "broken_at"),
    [
        (b"7.00", b"9.00", 2),
        (b"From: The Shop", b"From: A Thief", 2),
        (b"i=1; mx.test; spf=pass", b"i=1; mx.test; spf=fail", 2),
        (b"cv=none", b"cv=pass", 1),
    ],
    ids=["body", "field", "old results", "first cv"],
)
async def test_a_change_breaks_the_chain_and_says_where(
    stub: DnsStub, old: bytes, new: bytes, broken_at: int
) -> None:
    raw = chain()
    assert old in raw
    finding = await judged(stub, raw.replace(old, new))
    assert (finding.status, finding.evidence["broken_at"]) == ("fail", broken_at)


async def test_a_seal_that_reports_failure_ends_the_chain(stub: DnsStub) -> None:
    raw = FORWARDER.seal(LIST.seal(RECEIPT, 1), 2, cv="fail")
    assert (await judged(stub, raw)).status == "fail"


async def test_a_missing_set_breaks_the_chain(stub: DnsStub) -> None:
    raw = FORWARDER.seal(LIST.seal(RECEIPT, 1), 3)
    assert (await judged(stub, raw)).status == "fail"


async def test_a_doubled_field_breaks_the_chain(stub: DnsStub) -> None:
    raw = b"ARC-Authentication-Results: i=1; mx.test; none\r\n" + chain()
    assert (await judged(stub, raw)).status == "fail"


async def test_a_failing_name_server_is_temporary(stub: DnsStub) -> None:
    stub.servfail.add(LIST.key_name)
    finding = await judged(stub, chain())
    assert (finding.status, finding.evidence["broken_at"]) == ("temperror", 1)


async def test_a_cut_message_is_not_evaluable(stub: DnsStub) -> None:
    assert (await judged(stub, chain()[:-10], truncated=True)).status == "not evaluable"


async def test_more_sets_than_the_rfc_allows_fail_without_a_look_up(stub: DnsStub) -> None:
    raw = RECEIPT
    for i in range(1, 52):
        cv = "pass" if i > 1 else "none"
        tags = f"i={i}; a=rsa-sha256; d=list.test; s=s1; b=YQ=="
        head = f"ARC-Seal: {tags}; cv={cv}\r\nARC-Authentication-Results: i={i}; mx.test; none\r\n"
        head += f"ARC-Message-Signature: {tags}; h=from; bh=YQ==\r\n"
        raw = head.encode() + raw
    finding = await judged(stub, raw)
    assert (finding.status, stub.questions) == ("fail", [])
