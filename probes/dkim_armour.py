"""dkimpy, with the parts replaced by name that hang, crash or judge wrongly (1.1.8).

Replaced: body and header canonicalisation (quadratic), the hashing of header fields (quadratic
search, quadratic removal of b=), RSA verification (slow). Everything around them (signature
syntax, key records, expiry, which part failed) is decided before dkimpy is asked, by
`probes.dkim_signature` and `probes.dkim_key`; dkimpy never sees the message, only its fields.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import dkim
import dkim.canonicalization
import nacl.signing
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from probes.dkim_canonical import relaxed_body, relaxed_field, simple_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from probes.dkim_key import DkimKey
    from probes.letter import Field

HeaderPairs = list[tuple[bytes, bytes]]
MIN_RSA_BITS = 1024
"""RFC 8301 3.2."""
MAX_RSA_BITS = 8192
"""Twice what RFC 8301 asks verifiers to handle; an arithmetic bound, not a verdict."""


# A chain or several signatures hash the same body in the same form.
@functools.lru_cache(maxsize=2)
def canonical_body(body: bytes, form: str) -> bytes:
    """The body in the "simple" or "relaxed" form of RFC 6376 3.4."""
    return relaxed_body(body) if form == "relaxed" else simple_body(body)


def body_digest(canonical: bytes, length: int | None) -> bytes:
    """The SHA-256 over a canonical body, or over its first `length` octets (l=)."""
    return hashlib.sha256(memoryview(canonical)[:length]).digest()


def header_holds(
    fields: Iterable[Field],
    signed_fields: Sequence[str],
    own: Field,
    *,
    form: str,
    algorithm: str,
    signature: str,
    key: DkimKey,
) -> bool:
    """Whether `signature`, the base64 of b=, over the header hash is right (RFC 6376 3.7, step 2).

    `fields` are searched from the bottom for each of `signed_fields`; `own` is the signature's
    field, hashed last with an empty b=. The body hash is not looked at.
    """
    verifier = dkim.DKIM()
    verifier.headers = [_pair(field) for field in fields]
    verifier.ktag = key.kind.encode()
    verifier.keysize = key.bits
    verifier.pk = _dkimpy_key(key)
    tags = {
        b"a": algorithm.encode(),
        b"b": signature.encode("ascii", "replace"),
        b"c": form.encode() + b"/simple",
    }
    names = [name.encode("utf-8", "surrogateescape") for name in signed_fields]
    try:
        return bool(verifier.verify_sig_process(tags, names, _pair(own), None))
    except (dkim.DKIMException, ValueError):
        return False


def without_signature_value(body: bytes) -> bytes:
    """The body of a signature field, the value of b= replaced by nothing (RFC 6376 3.7)."""
    at = 0
    for spec in body.split(b";"):
        name, equals, _ = spec.partition(b"=")
        if equals and name.strip() == b"b":
            start = at + len(name) + 1
            return body[:start] + body[at + len(spec) :]
        at += len(spec) + 1
    return body


def _pair(field: Field) -> tuple[bytes, bytes]:
    return field.raw[: field.colon], field.body


def _dkimpy_key(key: DkimKey) -> Any:  # noqa: ANN401 - dkimpy takes two unrelated forms
    if key.kind == "ed25519":
        return nacl.signing.VerifyKey(key.point)
    return {"modulus": key.modulus, "publicExponent": key.exponent}


def _hash_header_fields(
    hasher: Any,  # noqa: ANN401 - dkimpy ships no types
    canonical: Any,  # noqa: ANN401 - dkimpy ships no types
    headers: HeaderPairs,
    names: Sequence[bytes],
    own: tuple[bytes, bytes],
    _tags: object,
) -> HeaderPairs:
    """Hash the named fields, the lowest of a name first, each once, then the signature's own."""
    unused: dict[bytes, HeaderPairs] = {}
    for pair in headers:
        unused.setdefault(pair[0].strip().lower(), []).append(pair)
    chosen = [stack.pop() for name in names if (stack := unused.get(name))]
    ((own_name, own_body),) = canonical.canonicalize_headers(
        [(own[0], without_signature_value(own[1]))]
    )
    for name, body in [*chosen, (own_name, own_body.removesuffix(b"\r\n"))]:
        hasher.update(name + b":" + body)
    return chosen


def _relaxed_fields(headers: HeaderPairs) -> HeaderPairs:
    return [relaxed_field(name, body) for name, body in headers]


def _rsa_holds(hasher: Any, signature: bytes, key: dict[str, int]) -> bool:  # noqa: ANN401 - dkimpy's
    public = RSAPublicNumbers(key["publicExponent"], key["modulus"]).public_key()
    try:
        public.verify(signature, hasher.digest(), PKCS1v15(), Prehashed(SHA256()))
    except InvalidSignature:
        return False
    return True


def _install() -> None:
    """Put the replacements in dkimpy's place; a name that is gone fails the import."""
    replacements: list[tuple[Any, str, Callable[..., object]]] = [
        (dkim.canonicalization.Relaxed, "canonicalize_headers", _relaxed_fields),
        (dkim.canonicalization.Relaxed, "canonicalize_body", relaxed_body),
        (dkim.canonicalization.Simple, "canonicalize_body", simple_body),
        (dkim, "hash_headers", _hash_header_fields),
        (dkim, "RSASSA_PKCS1_v1_5_verify", _rsa_holds),
    ]
    for place, name, replacement in replacements:
        if not hasattr(place, name):
            raise ImportError(f"dkimpy has no {name} any more; probes.dkim_armour must follow")
        method = staticmethod(replacement) if isinstance(place, type) else replacement
        setattr(place, name, method)


_install()
