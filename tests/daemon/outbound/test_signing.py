from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from daemon.outbound.signing import Signer, Unsigned, signing_key
from probes.checks.dkim import CHECK
from probes.observation import Specimen
from tests.probes.dns_stub import DnsStub
from tests.probes.signer import ED25519, RECEIPT, RSA_2048
from tests.probes.signer import Signer as Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.probes.signer import PrivateKey

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HTML = b"<p>" + b"x" * 70_000 + b"</p>"
MESSAGES = {
    "plain": RECEIPT,
    "one line of 70 KB": RECEIPT + HTML + b"\r\n",
    "8-bit": RECEIPT + "Grüße, سلام\r\n".encode() + b"\xff\xfe\r\n",
    "8-bit header": RECEIPT.replace(b"Your", "Ihre Größe".encode()),
    "dots and blanks": RECEIPT + b".\r\n..\r\n \t \r\n\r\n",
    "no body": RECEIPT.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "no empty line": RECEIPT.partition(b"\r\n\r\n")[0] + b"\r\n",
    "many": b"".join(b"Cc: a%d@x.test\r\n" % n for n in range(40)) + RECEIPT,
    "list": b"List-Unsubscribe: <https://x.test>\r\nReply-To: a@b.test\r\n" + RECEIPT,
    "signed before": Reference(domain="other.test").sign(RECEIPT),
}


def pem(key: PrivateKey | ec.EllipticCurvePrivateKey, *, locked: bool = False) -> bytes:
    lock = BestAvailableEncryption(b"x") if locked else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def signer(key: PrivateKey = RSA_2048) -> Signer:
    return Signer("shop.test", "s1", signing_key(pem(key)))


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        yield stub


async def passes(stub: DnsStub, key: PrivateKey, message: bytes) -> bool:
    reference = Reference(key)
    stub.add(reference.key_name, "TXT", reference.key_record)
    findings = await CHECK.examine(Specimen(message, NOW), stub.resolver())
    return findings[0].status == "pass"


@pytest.mark.parametrize("key", [RSA_2048, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
async def test_what_we_sign_verifies_by_our_own_check_and_by_dkimpy(
    stub: DnsStub, key: PrivateKey, message: bytes
) -> None:
    signed = signer(key).signature(message, NOW) + message
    assert await passes(stub, key, signed)
    record = Reference(key).key_record.encode()
    assert dkim.verify(signed, dnsfunc=lambda *_args, **_named: record)


@pytest.mark.parametrize(
    "field", [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"MIME-Version"]
)
async def test_nobody_adds_a_field_of_importance(stub: DnsStub, field: bytes) -> None:
    signed = signer().signature(RECEIPT, NOW) + RECEIPT
    assert await passes(stub, RSA_2048, signed)
    assert not await passes(stub, RSA_2048, field + b": x@evil.test\r\n" + signed)


@pytest.mark.parametrize("old", [b"The Shop", b"7.00", b"no. 7"])
async def test_a_changed_message_does_not_verify(stub: DnsStub, old: bytes) -> None:
    signed = signer().signature(RECEIPT, NOW) + RECEIPT
    assert not await passes(stub, RSA_2048, signed.replace(old, b"other"))


def test_the_signature_names_its_time_and_no_identity() -> None:
    signature = signer().signature(RECEIPT, NOW)
    tags = b"".join(signature.split()).split(b";")
    assert b"t=1795262400" in tags
    assert b"c=relaxed/relaxed" in tags
    assert not [tag for tag in tags if tag.startswith(b"i=")]
    assert max(map(len, signature.split(b"\r\n"))) <= 100
    assert signature.endswith(b"\r\n")
    assert not signature.endswith(b"\r\n\r\n")


def test_a_key_that_is_none_is_said_in_a_sentence() -> None:
    for text, words in (
        (b"", "no private key in PEM form"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem(RSA_2048, locked=True), "locked by a passphrase"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ):
        with pytest.raises(ValueError, match=words):
            signing_key(text)


def test_the_key_is_never_shown() -> None:
    assert "key" not in repr(signer())


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"Subject: x\r\n\r\n", "no From field"),
        (b"From: a@b.test\r\n" + b"X: y\r\n" * 1_001 + b"\r\n", "more than 1000 fields"),
    ],
)
def test_what_cannot_be_signed_says_why(message: bytes, words: str) -> None:
    with pytest.raises(Unsigned, match=words):
        signer().signature(message, NOW)
