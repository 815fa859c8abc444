"""DKIM key records (RFC 6376 3.6, RFC 8463): which key a TXT record holds, and for what."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from probes.tag_list import TagListError, items, parse_tag_list, without_white_space

MAX_RECORD = 8 * 1024


class KeyRecordError(ValueError):
    """The record holds no usable key; the message says why."""


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A public key with its restrictions.

    `kind` is "rsa" or "ed25519". `modulus` and `exponent` describe an RSA key, `point` an Ed25519
    one. `hashes` is empty when every hash is allowed. `exact_domain` is the flag t=s: the i= of
    a signature must not name a subdomain. `testing` is the flag t=y.
    """

    kind: str
    bits: int
    modulus: int = 0
    exponent: int = 0
    point: bytes = b""
    hashes: tuple[str, ...] = ()
    for_mail: bool = True
    exact_domain: bool = False
    testing: bool = False


def parse_key(record: bytes) -> DkimKey:
    """The key in one TXT record; raises KeyRecordError."""
    tags = _tags(record)
    kind = tags.get("k", "rsa").lower()
    key = without_white_space(tags["p"])
    if not key:
        raise KeyRecordError("the key was revoked (p= is empty)")
    flags = items(tags.get("t", ""))
    services = items(tags.get("s", "*"))
    modulus, exponent, point = _numbers(kind, _decoded(key))
    return DkimKey(
        kind=kind,
        bits=modulus.bit_length() or 8 * len(point),
        modulus=modulus,
        exponent=exponent,
        point=point,
        hashes=items(tags["h"]) if "h" in tags else (),
        for_mail="*" in services or "email" in services,
        exact_domain="s" in flags,
        testing="y" in flags,
    )


def _tags(record: bytes) -> dict[str, str]:
    if len(record) > MAX_RECORD:
        raise KeyRecordError(f"the key record is longer than {MAX_RECORD} bytes")
    try:
        tags = parse_tag_list(record.decode("utf-8", "replace"))
    except TagListError as error:
        raise KeyRecordError(f"the key record is malformed: {error}") from error
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise KeyRecordError("the record is no DKIM1 key")
    if "p" not in tags:
        raise KeyRecordError("the key record has no p=")
    return tags


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyRecordError("the key is no base64") from error


def _numbers(kind: str, key: bytes) -> tuple[int, int, bytes]:
    if kind == "ed25519":
        if len(key) != 32:
            raise KeyRecordError("the Ed25519 key is not 32 bytes long")
        return 0, 0, key
    if kind != "rsa":
        raise KeyRecordError(f"the key type {kind[:20]!r} is unknown")
    try:
        # Both DER forms in use: SubjectPublicKeyInfo and the bare RSAPublicKey.
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRecordError("the RSA key cannot be parsed") from error
    if not isinstance(public, RSAPublicKey):
        raise KeyRecordError("the key is not the RSA key that k= announces")
    numbers = public.public_numbers()
    return numbers.n, numbers.e, b""
