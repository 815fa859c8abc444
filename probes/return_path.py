"""Signed return paths (VERP): the envelope sender of each attempt names it, and proves that we did.

"bounces@shop.example" becomes "bounces+TOKEN@shop.example". The token is the attempt's id and an
HMAC-SHA256 over the id and the base address (its first 60 bits), in Crockford's base32 and lower
case: mail systems on the way back may change the case of a local part, and nothing else of it. A
bounce to it names the attempt without being parsed; nobody else can make one.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING
from uuid import UUID

from probes.token import ALPHABET, SHORTEST_KEY, base32

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1
LONGEST_ADDRESS = 320
SIGNATURE = 12
"""Letters of signature: 60 bits."""

_LABEL = b"receiptwatch return path 1"
_SHORT_ID = 12
"""Letters of an id as `probes.token.new_id` makes them."""
_LONG_ID = 26
"""Letters of a UUID's 128 bits."""
_TOKEN = re.compile(
    rf"[{ALPHABET}]{{{_SHORT_ID + SIGNATURE}}}|[{ALPHABET}]{{{_LONG_ID + SIGNATURE}}}",
    re.IGNORECASE | re.ASCII,
)
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


def signed(base: str, key: bytes, attempt: str) -> str:
    """The return path of `attempt`: `base`, a plain mailbox, with a token behind a "+".

    `attempt` is a UUID as text, or twelve letters of Crockford's base32. Raises ValueError for
    another id, for a key shorter than 16 bytes, and when the local part would pass 64 octets (a
    UUID leaves room for 25, twelve letters for 39).
    """
    local, _, domain = base.lower().rpartition("@")
    packed = _packed(attempt)
    path = f"{local}+{packed}{_signature(key, packed, f'{local}@{domain}')}".lower()
    if len(path) > LONGEST_LOCAL_PART:
        raise ValueError(f"the bounce address {base} is too long for a signed return path")
    return f"{path}@{domain}"


def opened(address: str, key: bytes) -> str | None:
    """The attempt that `address` names, when it was signed with `key`; in either case.

    The comparison takes the same time wherever the difference is.
    """
    parts = _parts(address)
    if parts is None:
        return None
    base, token = parts
    packed, signature = token[:-SIGNATURE], token[-SIGNATURE:]
    genuine = hmac.compare_digest(signature, _signature(key, packed, base))
    return _unpacked(packed) if genuine else None


def is_ours(address: str, bases: Iterable[str]) -> bool:
    """Whether `address` has the shape of a return path below one of `bases`, signed or forged."""
    parts = _parts(address)
    return parts is not None and parts[0] in {base.lower() for base in bases}


def _parts(address: str) -> tuple[str, str] | None:
    """The base in lower case and the token in upper case; None for what has no such shape."""
    if len(address) > LONGEST_ADDRESS or not address.isascii():
        return None
    local, _, domain = address.rpartition("@")
    name, _, token = local.rpartition("+")
    if not name or not domain or not _TOKEN.fullmatch(token):
        return None
    return f"{name}@{domain}".lower(), token.upper()


def _packed(attempt: str) -> str:
    """The id in Crockford's letters."""
    if len(attempt) == _SHORT_ID and set(attempt) <= set(ALPHABET):
        return attempt
    return base32(UUID(attempt).int, _LONG_ID)


def _unpacked(packed: str) -> str | None:
    if len(packed) == _SHORT_ID:
        return packed
    number = 0
    for letter in packed:
        number = number << 5 | _VALUES[letter]
    return str(UUID(int=number)) if number < 1 << 128 else None


def _signature(key: bytes, packed: str, base: str) -> str:
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the signing key needs at least {SHORTEST_KEY} bytes")
    digest = hmac.digest(key, b"\0".join((_LABEL, packed.encode(), base.encode())), "sha256")
    return base32(int.from_bytes(digest[:8], "big") >> 4, SIGNATURE)
