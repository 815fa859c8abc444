"""A plain DKIM and ARC signer after RFC 6376 3.4 and 3.7, sharing no code with what it tests."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
RSA_2048 = rsa.generate_private_key(65537, 2048)
RSA_1024 = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the weak key under test
ED25519 = ed25519.Ed25519PrivateKey.generate()

RECEIPT = (
    b"From: The Shop <orders@shop.test>\r\n"
    b"To: customer@gmail.test\r\n"
    b"Subject: Your  receipt\r\n\tno. 7\r\n"
    b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <7@shop.test>\r\n"
    b"\r\n"
    b"Thank you \t for your order.  \r\n\r\nTotal: 7.00\r\n\r\n\r\n"
)
SIGNED = ("from", "to", "subject", "date", "message-id")


@dataclass(frozen=True)
class Signer:
    """Signs as `domain` with `key`; `key_record` is what DNS must hold at `key_name`."""

    key: PrivateKey = RSA_2048
    domain: str = "shop.test"
    selector: str = "s1"

    @property
    def key_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def key_record(self) -> str:
        public = self.key.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519-sha256"

    def sign(
        self,
        message: bytes,
        *,
        form: str = "relaxed/relaxed",
        fields: tuple[str, ...] = SIGNED,
        extra: str = "",
        length: int | None = None,
        name: str = "DKIM-Signature",
        version: str = "v=1; ",
    ) -> bytes:
        """The message with a signature on top; `extra` holds further tags ("x=1; ")."""
        header, _, body = message.partition(b"\r\n\r\n")
        header_form, body_form = form.split("/")
        canonical = reference_body(body, body_form)
        if length is not None:
            extra += f"l={length}; "
        digest = base64.b64encode(hashlib.sha256(canonical[:length]).digest()).decode()
        unsigned = (
            f"{name}: {version}a={self.algorithm}; c={form}; d={self.domain};\r\n"
            f" s={self.selector}; {extra}h={' : '.join(fields)};\r\n bh={digest};\r\n b="
        ).encode()
        data = _selected(header, fields, header_form)
        data += reference_field(unsigned, header_form).removesuffix(b"\r\n")
        return unsigned + _folded(self.signature(data)) + b"\r\n" + message

    def signature(self, data: bytes) -> bytes:
        """The base64 of the signature over `data`."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return base64.b64encode(self.key.sign(data, padding.PKCS1v15(), SHA256()))
        return base64.b64encode(self.key.sign(hashlib.sha256(data).digest()))

    def seal(self, message: bytes, instance: int, *, cv: str | None = None) -> bytes:
        """The message with one more ARC set on top (RFC 8617 5.1)."""
        cv = cv or ("none" if instance == 1 else "pass")
        message = self.sign(
            message, name="ARC-Message-Signature", version="", extra=f"i={instance}; "
        )
        results = f"ARC-Authentication-Results: i={instance}; mx.test; spf=pass\r\n".encode()
        seal = (
            f"ARC-Seal: i={instance}; a={self.algorithm}; cv={cv}; d={self.domain};"
            f" s={self.selector}; b="
        ).encode()
        sets = _arc_fields(results + message)
        data = b"".join(reference_field(field, "relaxed") for field in sets)
        data += reference_field(seal, "relaxed").removesuffix(b"\r\n")
        return seal + self.signature(data) + b"\r\n" + results + message


def reference_field(field: bytes, form: str) -> bytes:
    """RFC 6376 3.4.1 and 3.4.2, word for word."""
    if form == "simple":
        return field if field.endswith(b"\r\n") else field + b"\r\n"
    name, _, value = field.partition(b":")
    value = value.replace(b"\r\n", b"")
    value = re.sub(rb"[ \t]+", b" ", value).strip(b" \t")
    return name.strip(b" \t").lower() + b":" + value + b"\r\n"


def reference_body(body: bytes, form: str) -> bytes:
    """RFC 6376 3.4.3 and 3.4.4, line by line."""
    lines = body.split(b"\r\n")
    if form == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).removesuffix(b" ") for line in lines]
    while lines and lines[-1] == b"":
        lines.pop()
    if not lines:
        return b"" if form == "relaxed" else b"\r\n"
    return b"".join(line + b"\r\n" for line in lines)


def _fields(header: bytes) -> list[bytes]:
    return [f + b"\r\n" for f in re.split(rb"\r\n(?![ \t])", header.removesuffix(b"\r\n"))]


def _name(field: bytes) -> str:
    return field.partition(b":")[0].strip().lower().decode()


def _selected(header: bytes, names: tuple[str, ...], form: str) -> bytes:
    left = _fields(header)
    data = b""
    for name in names:
        at = max((i for i, field in enumerate(left) if _name(field) == name), default=None)
        if at is not None:
            data += reference_field(left.pop(at), form)
    return data


def _arc_fields(message: bytes) -> list[bytes]:
    order = ["arc-authentication-results", "arc-message-signature", "arc-seal"]
    found = [f for f in _fields(message.partition(b"\r\n\r\n")[0]) if _name(f) in order]
    return sorted(found, key=lambda f: (_instance(f), order.index(_name(f))))


def _instance(field: bytes) -> int:
    named = re.search(rb"\bi=(\d+)", field)
    assert named
    return int(named[1])


def _folded(text: bytes) -> bytes:
    return b"\r\n ".join(text[at : at + 70] for at in range(0, len(text), 70))
