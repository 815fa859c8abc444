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

from probes.token import ALPHABET, SHORTEST_KEY, base32

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1
LONGEST_ADDRESS = 320
ID = 12
"""Letters of an attempt's id, as `probes.token.new_id` makes them."""
SIGNATURE = 12
"""Letters of signature: 60 bits."""

_LABEL = b"receiptwatch return path 1"
_TOKEN = re.compile(rf"[{ALPHABET}]{{{ID + SIGNATURE}}}", re.IGNORECASE | re.ASCII)


def signed(base: str, key: bytes, attempt: str) -> str:
    """The return path of `attempt`: `base`, a plain mailbox, with a token behind a "+".

    Raises ValueError for what is no id, for a key shorter than 16 bytes, and when the local part
    would pass 64 octets: that of `base` may have 39.
    """
    if len(attempt) != ID or not set(attempt) <= set(ALPHABET):
        raise ValueError(f"not the id of an attempt: {attempt!a}")
    local, _, domain = base.lower().rpartition("@")
    path = f"{local}+{attempt}{_signature(key, attempt, f'{local}@{domain}')}".lower()
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
    attempt, signature = token[:ID], token[ID:]
    genuine = hmac.compare_digest(signature, _signature(key, attempt, base))
    return attempt if genuine else None


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


def _signature(key: bytes, attempt: str, base: str) -> str:
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the signing key needs at least {SHORTEST_KEY} bytes")
    digest = hmac.digest(key, b"\0".join((_LABEL, attempt.encode(), base.encode())), "sha256")
    return base32(int.from_bytes(digest[:8], "big") >> 4, SIGNATURE)
