"""DMARC settled against the texts of RFC 9989 and RFC 7489."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.checks.dmarc import CHECK
from probes.dmarc_record import parse_record, tree_walk, walk_names
from probes.observation import Finding, Severity, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import ED25519, RECEIPT, Signer
from tests.probes.test_dkim import NOW
from tests.probes.test_received import POSTFIX, TEST, crlf

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = Signer(ED25519, domain="shop.example.com")
UNSIGNED = RECEIPT.replace(b"shop.test", b"shop.example.com")


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add(SHOP.key_name, "TXT", SHOP.key_record)
        yield stub


async def judged(
    stub: DnsStub,
    raw: bytes | None = None,
    *,
    records: dict[str, str] | None = None,
    sender: str = "bounce@esp.test",
    truncated: bool = False,
) -> Finding:
    for name, record in (records or {}).items():
        stub.add(f"_dmarc.{name}", "TXT", record)
    head = crlf(f"Return-Path: <{sender}>\n".encode() + POSTFIX)
    specimen = Specimen(head + (raw or SHOP.sign(UNSIGNED)), NOW, TEST, truncated)
    (finding,) = await CHECK.examine(specimen, stub.resolver().inquiry())
    return finding


async def test_an_aligned_signature_passes_and_leans_on_dkim_alone(stub: DnsStub) -> None:
    finding = await judged(stub, records={"shop.example.com": "v=DMARC1; p=reject; psd=n"})
    assert (finding.status, finding.severity) == ("pass", Severity.NOTICE)
    assert "DKIM alone" in finding.summary
    assert finding.evidence["rfc9989"]["aligned_dkim"] == ["shop.example.com"]


async def test_spf_alone_passes_and_is_told_to_sign(stub: DnsStub) -> None:
    stub.add("shop.example.com", "TXT", "v=spf1 ip4:127.0.10.25 -all")
    finding = await judged(
        stub,
        UNSIGNED,
        sender="a@shop.example.com",
        records={"shop.example.com": "v=DMARC1; p=reject; psd=n"},
    )
    assert finding.status == "pass"
    assert finding.remedy == "Sign with DKIM by the domain in From as well."


async def test_both_aligned_under_a_strict_policy_leaves_nothing_to_say(stub: DnsStub) -> None:
    stub.add("shop.example.com", "TXT", "v=spf1 ip4:127.0.10.25 -all")
    finding = await judged(
        stub, sender="a@shop.example.com", records={"example.com": "v=DMARC1; p=reject"}
    )
    assert (finding.status, finding.severity, finding.remedy) == ("pass", Severity.OK, None)
    assert finding.evidence["differ"] == []


async def test_every_passing_signature_counts_not_only_the_first(stub: DnsStub) -> None:
    esp = Signer(ED25519, domain="esp.test")
    stub.add(esp.key_name, "TXT", esp.key_record)
    raw = esp.sign(SHOP.sign(UNSIGNED))
    finding = await judged(stub, raw, records={"example.com": "v=DMARC1; p=reject"})
    assert finding.status == "pass"
    assert finding.evidence["rfc9989"]["aligned_dkim"] == ["shop.example.com"]


async def test_nothing_aligned_fails_and_shows_the_policy(stub: DnsStub) -> None:
    stub.add("esp.test", "TXT", "v=spf1 ip4:127.0.10.25 -all")
    finding = await judged(stub, UNSIGNED, records={"example.com": "v=DMARC1; p=quarantine"})
    assert (finding.status, finding.severity) == ("fail", Severity.PROBLEM)
    assert finding.evidence["rfc9989"]["policy"] == "quarantine"


@pytest.mark.parametrize(
    ("record", "author", "policy"),
    [
        ("p=reject; sp=none", "example.com", "reject"),
        ("p=reject; sp=none", "shop.example.com", "none"),
        ("p=reject; np=none", "shop.example.com", "reject"),
        ("p=reject; sp=quarantine; np=none", "ghost.example.com", "none"),
        ("p=reject; sp=quarantine", "ghost.example.com", "quarantine"),
        ("p=none; np=reject", "ghost.example.com", "reject"),
        ("P=REJECT", "example.com", "reject"),
        ("sp=reject", "example.com", "none"),
        ("p=what; rua=mailto:d@example.com", "example.com", "none"),
    ],
)
async def test_the_policy_is_the_one_meant_for_this_author(
    stub: DnsStub, record: str, author: str, policy: str
) -> None:
    stub.add("shop.example.com", "A", "127.0.0.1")
    raw = RECEIPT.replace(b"shop.test", author.encode())
    finding = await judged(stub, raw, records={"example.com": f"v=DMARC1; {record}"})
    assert finding.evidence["rfc9989"]["policy"] == policy


async def test_rfc_7489_knows_no_np_and_the_difference_is_flagged(stub: DnsStub) -> None:
    raw = RECEIPT.replace(b"shop.test", b"ghost.example.com")
    finding = await judged(stub, raw, records={"example.com": "v=DMARC1; p=none; np=reject"})
    assert finding.evidence["rfc7489"]["policy"] == "none"
    assert finding.evidence["differ"] == ["policy"]


async def test_a_record_without_usable_policy_or_reports_is_an_error(stub: DnsStub) -> None:
    finding = await judged(stub, records={"example.com": "v=DMARC1; p=what"})
    assert (finding.status, finding.severity) == ("permerror", Severity.PROBLEM)


async def test_test_mode_applies_one_step_milder(stub: DnsStub) -> None:
    finding = await judged(stub, UNSIGNED, records={"example.com": "v=DMARC1; p=reject; t=y"})
    view = finding.evidence["rfc9989"]
    assert (view["policy"], view["applied"]) == ("reject", "quarantine")


@pytest.mark.parametrize(("tag", "status"), [("adkim=s", "fail"), ("adkim=r", "pass")])
async def test_strict_alignment_wants_the_very_domain(stub: DnsStub, tag: str, status: str) -> None:
    stub.add("esp.test", "TXT", "v=spf1 -all")
    raw = SHOP.sign(RECEIPT.replace(b"shop.test", b"news.example.com"))
    finding = await judged(stub, raw, records={"example.com": f"v=DMARC1; p=reject; {tag}"})
    assert finding.status == status


async def test_psd_n_parts_a_subdomain_from_its_parent_in_rfc_9989_alone(stub: DnsStub) -> None:
    stub.add("esp.test", "TXT", "v=spf1 -all")
    parent = Signer(ED25519, domain="example.com")
    stub.add(parent.key_name, "TXT", parent.key_record)
    finding = await judged(
        stub,
        parent.sign(UNSIGNED),
        records={
            "example.com": "v=DMARC1; p=reject",
            "shop.example.com": "v=DMARC1; p=reject; psd=n",
        },
    )
    assert finding.status == "fail"
    assert finding.evidence["rfc7489"]["status"] == "pass"
    assert finding.evidence["differ"] == ["status", "organizational domain"]


async def test_under_a_suffix_that_says_psd_y_the_domain_below_is_the_organization(
    stub: DnsStub,
) -> None:
    stub.add("_dmarc.bank", "TXT", "v=DMARC1; p=reject; psd=y")
    walk = await tree_walk("mail.shop.bank", stub.resolver())
    assert walk.organizational_domain == "shop.bank"
    assert walk.record is not None
    assert walk.record.domain == "bank"


async def test_psd_y_at_the_start_makes_the_start_the_organization(stub: DnsStub) -> None:
    stub.add("_dmarc.gov.example", "TXT", "v=DMARC1; p=reject; psd=y")
    assert (await tree_walk("gov.example", stub.resolver())).organizational_domain == "gov.example"


async def test_the_topmost_record_makes_the_organization_and_the_own_one_the_policy(
    stub: DnsStub,
) -> None:
    stub.add("_dmarc.example.com", "TXT", "v=DMARC1; p=reject")
    stub.add("_dmarc.mail.example.com", "TXT", "v=DMARC1; p=none")
    walk = await tree_walk("a.mail.example.com", stub.resolver())
    assert walk.organizational_domain == "example.com"
    assert walk.record is not None
    assert walk.record.domain == "example.com"
    own = (await tree_walk("mail.example.com", stub.resolver())).record
    assert own is not None
    assert own.domain == "mail.example.com"


def test_a_walk_asks_at_most_eight_names_as_the_rfc_prints_them() -> None:
    assert walk_names("a.b.c.d.e.f.g.h.i.j.mail.example.com") == (
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    )
    assert walk_names("a.b.c.d.e.f.g.h")[1] == "b.c.d.e.f.g.h"
    assert walk_names("com") == ("com",)


@pytest.mark.parametrize(
    ("text", "is_record"),
    [
        ("v=DMARC1; p=none", True),
        ("v = DMARC1 ;p=none", True),
        ("v=DMARC1", True),
        ("v=dmarc1; p=none", False),
        ("v=DMARC12; p=none", False),
        ("p=none; v=DMARC1", False),
        (" v=DMARC1", False),
        ("v=spf1 -all", False),
    ],
)
def test_a_record_begins_with_its_version(text: str, *, is_record: bool) -> None:
    assert (parse_record("example.com", text) is not None) == is_record


def test_malformed_tags_are_passed_over() -> None:
    record = parse_record("example.com", "v=DMARC1; ; nonsense; p=reject; =x; p=none; psd=maybe")
    assert record is not None
    assert (record.policy(own=True), record.psd) == ("reject", "u")


async def test_several_records_count_as_none(stub: DnsStub) -> None:
    stub.add("_dmarc.example.com", "TXT", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    finding = await judged(stub)
    assert (finding.status, finding.severity) == ("none", Severity.NOTICE)


async def test_a_failing_name_server_is_temporary(stub: DnsStub) -> None:
    stub.servfail.add("_dmarc.shop.example.com")
    finding = await judged(stub)
    assert (finding.status, finding.severity) == ("temperror", Severity.UNKNOWN)


async def test_a_key_that_could_not_be_asked_for_leaves_dmarc_open(stub: DnsStub) -> None:
    stub.add("esp.test", "TXT", "v=spf1 -all")
    stub.servfail.add(SHOP.key_name)
    finding = await judged(stub, records={"example.com": "v=DMARC1; p=reject"})
    assert finding.status == "temperror"


async def test_a_cut_message_leaves_dmarc_open(stub: DnsStub) -> None:
    stub.add("esp.test", "TXT", "v=spf1 -all")
    finding = await judged(stub, records={"example.com": "v=DMARC1; p=reject"}, truncated=True)
    assert (finding.status, finding.severity) == ("not evaluable", Severity.UNKNOWN)


@pytest.mark.parametrize(
    "from_field",
    [b"", b"From: a@shop.test, b@other.test\r\n", b"From: a@x.test\r\nFrom: a@x.test\r\n"],
)
async def test_from_must_name_exactly_one_domain(stub: DnsStub, from_field: bytes) -> None:
    raw = from_field + RECEIPT.partition(b"\r\n")[2]
    finding = await judged(stub, raw)
    assert (finding.status, finding.severity) == ("permerror", Severity.PROBLEM)
