"""DKIM: right verdicts on good, broken, weak and malformed signatures, each with its reason."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from probes.checks.dkim import CHECK
from probes.observation import Finding, Severity, Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import ED25519, RECEIPT, RSA_1024, SIGNED, Signer, reference_body

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHOP = Signer()
RFC_8463 = b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
RFC_8463_RSA = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id"
    "Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+P"
    "L6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add(SHOP.key_name, "TXT", SHOP.key_record)
        yield stub


async def judged(stub: DnsStub, raw: bytes, **options: Any) -> tuple[Finding, ...]:
    timeout_s = options.pop("timeout_s", 2.0)
    return await CHECK.examine(Specimen(raw, NOW, **options), stub.resolver(timeout_s))


async def only(stub: DnsStub, raw: bytes, **options: Any) -> Finding:
    (finding,) = await judged(stub, raw, **options)
    return finding


async def test_both_signatures_that_rfc_8463_prints_hold(stub: DnsStub) -> None:
    ed_record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    stub.add("brisbane._domainkey.football.example.com", "TXT", ed_record)
    stub.add("test._domainkey.football.example.com", "TXT", RFC_8463_RSA)
    ed25519, rsa = await judged(stub, RFC_8463)
    assert (ed25519.status, ed25519.severity) == ("pass", Severity.OK)
    assert (rsa.status, rsa.severity) == ("pass", Severity.NOTICE)
    assert rsa.evidence["key_bits"] == 1024
    assert "2048" in (rsa.remedy or "")


@pytest.mark.parametrize("form", ["simple/simple", "simple/relaxed", "relaxed/simple"])
@pytest.mark.parametrize("signer", [SHOP, Signer(ED25519, selector="ed")], ids=["rsa", "ed25519"])
async def test_a_good_signature_passes_in_every_form(
    stub: DnsStub, signer: Signer, form: str
) -> None:
    stub.add("ed._domainkey.shop.test", "TXT", Signer(ED25519).key_record)
    finding = await only(stub, signer.sign(RECEIPT, form=form))
    assert (finding.status, finding.severity, finding.remedy) == ("pass", Severity.OK, None)
    assert finding.evidence["aligned"] == "strict"


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ((b"7.00", b"9.00"), ["body hash"]),
        ((b"Your  receipt", b"Your invoice"), ["signature"]),
        ((b"The Shop", b"A Thief"), ["signature"]),
    ],
)
async def test_a_changed_message_says_which_part_was_changed(
    stub: DnsStub, change: tuple[bytes, bytes], failed: list[str]
) -> None:
    finding = await only(stub, SHOP.sign(RECEIPT).replace(*change))
    assert (finding.status, finding.severity) == ("fail", Severity.PROBLEM)
    assert finding.evidence["failed"] == failed


async def test_changed_header_and_body_are_both_named(stub: DnsStub) -> None:
    raw = SHOP.sign(RECEIPT).replace(b"7.00", b"9.00").replace(b"The Shop", b"A Thief")
    assert (await only(stub, raw)).evidence["failed"] == ["signature", "body hash"]


async def test_an_added_from_field_breaks_the_signature(stub: DnsStub) -> None:
    raw = b"From: evil@shop.test\r\n" + SHOP.sign(RECEIPT)
    assert (await only(stub, raw)).status == "fail"


async def test_an_oversigned_field_may_not_be_added(stub: DnsStub) -> None:
    signed = SHOP.sign(RECEIPT, fields=(*SIGNED, "subject"))
    assert (await only(stub, signed)).status == "pass"
    assert (await only(stub, b"Subject: Win!\r\n" + signed)).status == "fail"


async def test_a_missing_key_is_permanent_and_a_failing_server_temporary(stub: DnsStub) -> None:
    raw = SHOP.sign(RECEIPT)
    stub.servfail.add(SHOP.key_name)
    failing = await only(stub, raw)
    stub.servfail.clear()
    stub.remove(SHOP.key_name, "TXT")
    missing = await only(stub, raw)
    assert (failing.status, failing.evidence["failed"]) == ("temperror", ["dns"])
    assert failing.severity is Severity.UNKNOWN
    assert (missing.status, missing.evidence["failed"]) == ("permerror", ["key"])


async def test_a_name_server_that_keeps_silent_is_a_temporary_error(stub: DnsStub) -> None:
    stub.silent.add(SHOP.key_name)
    assert (await only(stub, SHOP.sign(RECEIPT), timeout_s=0.2)).status == "temperror"


async def test_a_thousand_bit_key_is_noticed_and_a_shorter_one_refused(stub: DnsStub) -> None:
    weak = Signer(RSA_1024, selector="weak")
    stub.add(weak.key_name, "TXT", weak.key_record)
    assert (await only(stub, weak.sign(RECEIPT))).severity is Severity.NOTICE
    short = (
        "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTo"
        "cVBq6Za/PlzfV+Py92VaCak19F4WrbVTK5Gg5tW220MCAwEAAQ=="
    )
    stub.remove(weak.key_name, "TXT")
    stub.add(weak.key_name, "TXT", short)
    refused = await only(stub, weak.sign(RECEIPT))
    assert (refused.status, refused.evidence["key_bits"]) == ("policy", 512)


async def test_rsa_sha1_is_refused_with_its_own_remedy(stub: DnsStub) -> None:
    finding = await only(stub, SHOP.sign(RECEIPT).replace(b"rsa-sha256", b"rsa-sha1"))
    assert finding.status == "permerror"
    assert finding.remedy == "Sign with rsa-sha256."


async def test_a_signature_that_leaves_from_out_is_refused(stub: DnsStub) -> None:
    finding = await only(stub, SHOP.sign(RECEIPT, fields=("to", "subject")))
    assert finding.status == "permerror"
    assert "From" in finding.summary


async def test_bytes_behind_the_signed_length_are_reported(stub: DnsStub) -> None:
    length = len(reference_body(RECEIPT.partition(b"\r\n\r\n")[2], "relaxed"))
    raw = SHOP.sign(RECEIPT, length=length).rstrip() + b"\r\nBuy this!\r\n"
    finding = await only(stub, raw)
    assert (finding.status, finding.severity) == ("pass", Severity.NOTICE)
    assert finding.evidence["unsigned_bytes"] == len(b"Buy this!\r\n")
    assert finding.remedy == "Sign without l=."


async def test_a_length_beyond_the_body_fails(stub: DnsStub) -> None:
    finding = await only(stub, SHOP.sign(RECEIPT, length=9999))
    assert (finding.status, finding.evidence["failed"]) == ("fail", ["body length"])


@pytest.mark.parametrize(("margin_s", "status"), [(-1, "fail"), (1, "pass")])
async def test_expiry_counts_from_when_the_provider_had_the_message(
    stub: DnsStub, margin_s: int, status: str
) -> None:
    expiry = int((NOW + timedelta(seconds=margin_s)).timestamp())
    finding = await only(stub, SHOP.sign(RECEIPT, extra=f"x={expiry}; "))
    assert finding.status == status
    assert finding.evidence["failed"] == (["expiry"] if status == "fail" else [])


@pytest.mark.parametrize(
    ("key_tags", "signature_tags", "status"),
    [
        ("t=s; ", "i=@mail.shop.test; ", "permerror"),
        ("t=s; ", "i=a@shop.test; ", "pass"),
        ("h=sha1; ", "", "permerror"),
        ("h=sha1:sha256; ", "", "pass"),
        ("s=tlsrpt; ", "", "permerror"),
        ("s=email:foo; ", "", "pass"),
        ("", "q=dns/txt:x509; ", "pass"),
        ("", "q=x509; ", "permerror"),
        ("", "i=joe=3Dsmith@mail.shop.test; ", "pass"),
        ("", "i=joe; ", "permerror"),
        ("", "i=@notshop.test; ", "permerror"),
        ("", "l=; ", "permerror"),
        ("", "t=9; x=8; ", "permerror"),
        ("n=a note; ", "z=From:x; ", "pass"),
    ],
)
async def test_the_tags_of_key_and_signature_are_obeyed(
    stub: DnsStub, key_tags: str, signature_tags: str, status: str
) -> None:
    stub.remove(SHOP.key_name, "TXT")
    stub.add(SHOP.key_name, "TXT", SHOP.key_record.replace("k=rsa; ", f"k=rsa; {key_tags}"))
    assert (await only(stub, SHOP.sign(RECEIPT, extra=signature_tags))).status == status


async def test_an_ed25519_key_under_an_rsa_signature_is_a_key_error(stub: DnsStub) -> None:
    stub.remove(SHOP.key_name, "TXT")
    stub.add(SHOP.key_name, "TXT", Signer(ED25519).key_record)
    finding = await only(stub, SHOP.sign(RECEIPT))
    assert (finding.status, finding.evidence["failed"]) == ("permerror", ["key"])


async def test_a_good_key_among_several_records_is_found(stub: DnsStub) -> None:
    stub.remove(SHOP.key_name, "TXT")
    stub.add(SHOP.key_name, "TXT", "a stray note", "v=DKIM1; p=", SHOP.key_record)
    assert (await only(stub, SHOP.sign(RECEIPT))).status == "pass"


async def test_a_revoked_key_is_said_to_be_revoked(stub: DnsStub) -> None:
    stub.remove(SHOP.key_name, "TXT")
    stub.add(SHOP.key_name, "TXT", "v=DKIM1; p=")
    finding = await only(stub, SHOP.sign(RECEIPT))
    assert finding.status == "permerror"
    assert "revoked" in finding.summary


async def test_every_signature_gets_its_own_finding(stub: DnsStub) -> None:
    esp = Signer(ED25519, domain="esp.test")
    stub.add(esp.key_name, "TXT", esp.key_record)
    good, broken = await judged(stub, esp.sign(SHOP.sign(RECEIPT).replace(b"7.00", b"9.00")))
    assert (good.status, good.evidence["aligned"]) == ("pass", "no")
    assert (broken.status, broken.severity) == ("fail", Severity.PROBLEM)


async def test_a_broken_signature_beside_a_good_aligned_one_is_only_noticed(stub: DnsStub) -> None:
    stale = Signer(ED25519, selector="stale")
    good, stale_finding = await judged(stub, SHOP.sign(stale.sign(RECEIPT)))
    assert good.severity is Severity.OK
    assert (stale_finding.status, stale_finding.severity) == ("permerror", Severity.NOTICE)


async def test_signatures_beyond_the_tenth_are_counted_not_judged(stub: DnsStub) -> None:
    raw = RECEIPT
    for _ in range(12):
        raw = b"DKIM-Signature: v=1\r\n" + raw
    findings = await judged(stub, raw)
    assert len(findings) == 10
    assert findings[0].evidence["signatures_not_examined"] == 2


async def test_a_cut_message_is_not_evaluable_but_a_missing_key_is_still_known(
    stub: DnsStub,
) -> None:
    raw = SHOP.sign(RECEIPT)[:-20]
    cut = await only(stub, raw, truncated=True)
    assert (cut.status, cut.severity) == ("not evaluable", Severity.UNKNOWN)
    stub.remove(SHOP.key_name, "TXT")
    assert (await only(stub, raw, truncated=True)).status == "permerror"


async def test_a_message_without_signature_is_told_to_sign(stub: DnsStub) -> None:
    finding = await only(stub, RECEIPT)
    assert (finding.status, finding.severity) == ("none", Severity.PROBLEM)


async def test_an_unsigned_subject_is_named(stub: DnsStub) -> None:
    finding = await only(stub, SHOP.sign(RECEIPT, fields=("from", "to", "date")))
    assert finding.evidence["unprotected"] == ["subject", "message-id"]
    assert finding.severity is Severity.NOTICE


async def test_a_line_without_colon_does_not_refuse_the_message(stub: DnsStub) -> None:
    raw = b"no field at all\r\n" + SHOP.sign(RECEIPT)
    assert (await only(stub, raw)).status == "pass"


async def test_a_file_saved_with_bare_line_feeds_still_verifies(stub: DnsStub) -> None:
    assert (await only(stub, SHOP.sign(RECEIPT).replace(b"\r\n", b"\n"))).status == "pass"


async def test_a_signature_of_the_wrong_length_fails_without_a_crash(stub: DnsStub) -> None:
    signer = Signer(ED25519, selector="ed")
    stub.add(signer.key_name, "TXT", signer.key_record)
    head, _, tail = signer.sign(RECEIPT).partition(b" b=")
    raw = head + b" b=" + base64.b64encode(b"short") + b"\r\n" + tail.partition(b"==\r\n")[2]
    assert (await only(stub, raw)).evidence["failed"] == ["signature"]
