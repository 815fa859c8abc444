"""DKIM-Signature fields (RFC 6376 3.5, RFC 8301, RFC 8463) read strictly."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from probes.resolver import a_labels
from probes.tag_list import TagListError, items, parse_tag_list, without_white_space

if TYPE_CHECKING:
    from probes.letter import Field

ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
_FORMS = ("simple", "relaxed")
_REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")
_DIGITS = re.compile(r"[0-9]{1,76}\Z")
_INSTANT = re.compile(r"[0-9]{1,12}\Z")


class SignatureError(ValueError):
    """The field cannot be a valid signature, whatever the key; the message says why."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature field, its tags decoded.

    `domain`, `selector` and the domain of `identity` are in A-label form. `header_form` and
    `body_form` are "simple" or "relaxed". `length` is l=, in octets of the canonical body.
    """

    field: Field
    algorithm: str
    domain: str
    selector: str
    identity: str
    header_form: str
    body_form: str
    signed_fields: tuple[str, ...]
    body_hash: bytes
    length: int | None = None
    signed_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def key_name(self) -> str:
        """Where the public key stands (RFC 6376 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


def read_tags(field: Field) -> dict[str, str]:
    """The tags of a signature field, unchecked; raises SignatureError when it is no tag list."""
    try:
        return parse_tag_list(field.body.decode("utf-8", "surrogateescape"))
    except TagListError as error:
        raise SignatureError(f"the signature is malformed: {error}") from error


def read_signature(field: Field) -> Signature:
    """Read one DKIM-Signature field; raises SignatureError."""
    tags = read_tags(field)
    absent = [tag for tag in _REQUIRED if not tags.get(tag)]
    if absent:
        raise SignatureError(f"the signature lacks {', '.join(f'{tag}=' for tag in absent)}")
    if tags["v"] != "1":
        raise SignatureError("the signature's version is not 1")
    signed_fields = items(tags["h"])
    if "from" not in signed_fields:
        raise SignatureError("the signature does not cover From (h=)")
    _demand_dns_query(tags.get("q", "dns/txt"))
    return signature_from(field, tags, signed_fields, _identity(tags))


def signature_from(
    field: Field, tags: dict[str, str], signed_fields: tuple[str, ...], identity: str
) -> Signature:
    """Decode what DKIM-Signature and ARC-Message-Signature share; raises SignatureError."""
    header_form, body_form = _forms(tags.get("c", "simple/simple"))
    signed_at, expires_at = _instant(tags, "t"), _instant(tags, "x")
    if signed_at and expires_at and expires_at <= signed_at:
        raise SignatureError("the signature expires (x=) before it was made (t=)")
    decoded(tags["b"], "b")
    return Signature(
        field=field,
        algorithm=known_algorithm(tags["a"]),
        domain=_name(tags["d"], "d"),
        selector=_name(tags["s"], "s"),
        identity=identity,
        header_form=header_form,
        body_form=body_form,
        signed_fields=signed_fields,
        body_hash=decoded(tags["bh"], "bh"),
        length=_length(tags),
        signed_at=signed_at,
        expires_at=expires_at,
    )


def known_algorithm(name: str) -> str:
    """The algorithm's name in lower case; SignatureError when it may not be used (RFC 8301)."""
    algorithm = name.lower()
    if algorithm == "rsa-sha1":
        raise SignatureError("rsa-sha1 may no longer be used (RFC 8301)")
    if algorithm not in ALGORITHMS:
        raise SignatureError(f"the algorithm {algorithm[:30]!r} is unknown")
    return algorithm


def decoded(value: str, tag: str) -> bytes:
    """The bytes of a base64 tag; raises SignatureError."""
    try:
        return base64.b64decode(without_white_space(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureError(f"{tag}= is no base64") from error


def _name(value: str, tag: str) -> str:
    try:
        name = a_labels(without_white_space(value))
    except ValueError as error:
        raise SignatureError(f"{tag}= is no domain name") from error
    if not name or not re.fullmatch(r"[a-z0-9_.-]+", name):
        raise SignatureError(f"{tag}= is no domain name")
    return name


def _identity(tags: dict[str, str]) -> str:
    """The i= of a signature, quoted-printable decoded (RFC 6376 2.11); its domain is checked."""
    domain = _name(tags["d"], "d")
    if "i" not in tags:
        return f"@{domain}"
    packed = without_white_space(tags["i"]).encode("utf-8", "surrogateescape")
    text = quopri.decodestring(packed).decode("utf-8", "replace")
    local, at, host = text.rpartition("@")
    if not at:
        raise SignatureError("i= has no @")
    host = _name(host, "i")
    if host != domain and not host.endswith(f".{domain}"):
        raise SignatureError("i= lies outside of d=")
    return f"{local}@{host}"


def _forms(value: str) -> tuple[str, str]:
    header, _, body = value.lower().partition("/")
    forms = (header.strip(), body.strip() or "simple")
    if not set(forms) <= set(_FORMS):
        raise SignatureError("c= names an unknown canonical form")
    return forms


def _length(tags: dict[str, str]) -> int | None:
    if "l" not in tags:
        return None
    if not _DIGITS.match(tags["l"]):
        raise SignatureError("l= is no number")
    return int(tags["l"])


def _instant(tags: dict[str, str], tag: str) -> datetime | None:
    if tag not in tags:
        return None
    if not _INSTANT.match(tags[tag]):
        raise SignatureError(f"{tag}= is no time")
    try:
        return datetime.fromtimestamp(int(tags[tag]), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureError(f"{tag}= is no time") from error


def _demand_dns_query(value: str) -> None:
    if "dns/txt" not in items(value):
        raise SignatureError("q= does not offer dns/txt")
