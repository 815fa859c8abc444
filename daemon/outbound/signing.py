"""DKIM signatures (RFC 6376) for shops whose servers do not sign by themselves.

Made here and not by dkimpy: that always writes i=, takes quadratic time for some bodies, and many
milliseconds for an RSA signature. What is checked with it is in the tests.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from probes.dkim_canonical import relaxed_body, relaxed_field
from probes.letter import TooHostile, read_letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from probes.letter import Field, Letter

OVERSIGNED = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
"""Named once more than they occur, so that nobody adds one without breaking the signature."""
SIGNED = ("in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post", "feedback-id")
"""Named as often as they occur: whoever passes mail on may well add one."""
_FOLD_AT = 72

Key = RSAPrivateKey | Ed25519PrivateKey


class Unsigned(Exception):  # noqa: N818 - reads as what it is; "Error" adds nothing
    """The message cannot be signed; the text is a sentence for people."""


def signing_key(pem: bytes) -> Key:
    """The key in `pem`; raises ValueError with a sentence when DKIM can do nothing with it."""
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("The DKIM key is locked by a passphrase; write it without one.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("The DKIM key is no private key in PEM form.") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("The DKIM key is neither RSA nor Ed25519: DKIM knows no other.")  # noqa: TRY004 - it is the file's value
    return key


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as `domain` with `key`, whose public half is at `selector`._domainkey.`domain`."""

    domain: str
    selector: str
    key: Key = field(repr=False)

    def signature(self, message: bytes, at: datetime) -> bytes:
        """The DKIM-Signature field for `message`, to be put before its first byte.

        relaxed/relaxed; rsa-sha256 or ed25519-sha256 (RFC 8463), by the key's kind. Lines may have
        any length and hold 8-bit bytes. Raises Unsigned.
        """
        letter = _letter(message)
        digest = base64.b64encode(hashlib.sha256(relaxed_body(letter.body)).digest())
        chosen = [*_chosen(letter)]
        names = ":".join(name for name, _ in chosen)
        field_ = (
            f"DKIM-Signature: v=1; a={self._algorithm}; c=relaxed/relaxed; d={self.domain};\r\n"
            f" s={self.selector}; t={int(at.timestamp())};\r\n"
            f" h={_folded(names, ':')};\r\n"
            f" bh={digest.decode()};\r\n b="
        ).encode()
        data = b"".join(_canonical(one.raw) for _, one in chosen if one)
        signed = self._sign(data + _canonical(field_).removesuffix(b"\r\n"))
        return field_ + _in_lines(base64.b64encode(signed)) + b"\r\n"

    @property
    def _algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), SHA256())
        return self.key.sign(hashlib.sha256(data).digest())


def _letter(message: bytes) -> Letter:
    try:
        letter = read_letter(message)
    except TooHostile as problem:
        raise Unsigned(f"Not signed with DKIM: {problem}.") from None
    if not letter.first("from"):
        raise Unsigned("Not signed with DKIM: the message has no From field.")
    return letter


def _chosen(letter: Letter) -> Iterator[tuple[str, Field | None]]:
    """Each name of h= with the field that it stands for: the last first (RFC 6376 5.4.2)."""
    for name in (*OVERSIGNED, *SIGNED):
        found: Iterable[Field] = reversed(letter.all(name))
        yield from ((name, one) for one in found)
        if name in OVERSIGNED:
            yield name, None


def _canonical(raw: bytes) -> bytes:
    name, _, body = raw.partition(b":")
    return b":".join(relaxed_field(name, body))


def _folded(words: str, separator: str) -> str:
    lines = [""]
    for word in words.split(separator):
        if len(lines[-1]) + len(word) > _FOLD_AT:
            lines.append("")
        lines[-1] += word + separator
    return "\r\n  ".join(lines).removesuffix(separator)


def _in_lines(text: bytes) -> bytes:
    return b"\r\n ".join(text[at : at + _FOLD_AT] for at in range(0, len(text), _FOLD_AT))
