"""The token of a probe: its id and a signature over the id and the one address it was sent to.

Written in Crockford's base32, whose letters survive every header, both cases, and a person who
reads them aloud: 12 characters of id (60 random bits), then 12 of HMAC-SHA256 (its first 60 bits).
A probe's id is not secret; without the key nobody makes the second half, and a token copied into
another mailbox names the wrong recipient.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "X-Order-Ref"
"""The header field that carries the token."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HALF = 12
LENGTH = 2 * HALF
SHORTEST_KEY = 16
"""Bytes; a shorter key is guessed more easily than the signature."""
LONGEST_TEXT = 1_000_000
"""Characters of a text that are searched; no receipt hides its order number behind more."""

_LABEL = b"receiptwatch probe token 1"
_CANONICAL = str.maketrans("OILoil", "011011", "-")
_LETTERS = "0-9A-TV-Za-tv-z"
_WORD = re.compile(
    rf"(?<![0-9A-Za-z])[{_LETTERS}](?:-?[{_LETTERS}]){{{LENGTH - 1}}}(?![0-9A-Za-z])"
)


def new_id() -> str:
    """A fresh probe id: 12 characters, 60 random bits."""
    return base32(secrets.randbits(5 * HALF), HALF)


def mint(key: bytes, probe: str, recipient: str) -> str:
    """The token of `probe` when sent to `recipient`; 24 characters, upper case.

    Raises ValueError when the key is shorter than 16 bytes or `probe` is not an id.
    """
    if _canonical(probe) != probe or len(probe) != HALF:
        raise ValueError(f"not a probe id: {probe!r}")
    return probe + _signature(key, probe, recipient)


def verify(key: bytes, token: str, recipient: str) -> str | None:
    """The probe id when `token` was minted with this key for this recipient, else None.

    Reads what `mint` wrote in either case, grouped by dashes, and with O, I and L written for
    0, 1 and 1. The comparison takes the same time wherever the difference is.
    """
    canonical = _canonical(token)
    if canonical is None or len(canonical) != LENGTH:
        return None
    probe, signature = canonical[:HALF], canonical[HALF:]
    genuine = hmac.compare_digest(signature, _signature(key, probe, recipient))
    return probe if genuine else None


def candidates(text: str, *, limit: int = 20) -> Iterator[str]:
    """The first `limit` different token-shaped words in `text`, canonical, in order of appearance.

    A word is found whole or grouped by single dashes, and behind a prefix such as "NO-". Reads at
    most 1,000,000 characters, in time linear in them.
    """
    seen: set[str] = set()
    for match in _WORD.finditer(text, 0, LONGEST_TEXT):
        if len(seen) >= limit:
            return
        word = _canonical(match[0])
        if word is not None and word not in seen:
            seen.add(word)
            yield word


def grouped(token: str) -> str:
    """The token as an order number for people: four groups of six."""
    return "-".join(token[start : start + 6] for start in range(0, len(token), 6))


def base32(number: int, length: int) -> str:
    """The low `5 * length` bits of `number`, highest first, in Crockford's letters."""
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (length - 1), -1, -5))


def _canonical(word: str) -> str | None:
    """`word` in the letters of the alphabet alone; None when it holds anything else."""
    if not word.isascii():  # upper-casing turns some foreign letters into ASCII ones
        return None
    plain = word.translate(_CANONICAL).upper()
    return plain if set(plain) <= set(ALPHABET) else None


def _signature(key: bytes, probe: str, recipient: str) -> str:
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the signing key needs at least {SHORTEST_KEY} bytes")
    message = b"\0".join((_LABEL, probe.encode(), recipient.casefold().encode()))
    digest = hmac.digest(key, message, "sha256")
    return base32(int.from_bytes(digest[:8], "big") >> 4, HALF)
