"""Recognises a probe in what a mailbox shows of a message; pure, linear in its capped input.

Relays rewrite: Amazon SES and Brevo replace the Message-ID, Outlook keeps the original beside its
own. So the token stands in four places, and they are asked in the order of `MatchedBy`. A token
counts only when its signature names this seed's address and a recipient field confirms it:
a receipt copied into another mailbox, or sent on to another person, is no sighting.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

from probes import token
from probes.observation import MatchedBy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.letter import Letter

HEADER_CAP = 16_384
"""Octets of the fetched header fields that are looked at."""
BODY_CAP = 65_536
"""Octets of a message that are searched for a token that no header field carried."""

_PLACES: tuple[tuple[str, MatchedBy], ...] = (
    ("message-id", MatchedBy.MESSAGE_ID),
    ("x-microsoft-original-message-id", MatchedBy.MESSAGE_ID),
    (token.HEADER.lower(), MatchedBy.HEADER),
    ("subject", MatchedBy.SUBJECT),
)
_RECIPIENTS = ("to", "delivered-to", "x-original-to")
FIELDS = tuple(name.upper() for name in (*(name for name, _ in _PLACES), *_RECIPIENTS))
"""The header fields that matching needs, as an IMAP FETCH names them."""

_MOST_OF_A_KIND = 10
_SUBJECT_CAP = 2_000
_NO_ADDRESS = re.compile(r"[\s<>,;:()\"\[\]]+")
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/]{4,}={0,2}")


@dataclass(frozen=True, slots=True)
class Match:
    """A probe's id, and where its token stood."""

    probe: str
    by: MatchedBy


@dataclass(frozen=True, slots=True)
class Forged:
    """A token that is not this seed's: wrongly signed, or in a message to somebody else."""


def in_headers(letter: Letter, key: bytes, address: str) -> Match | Forged | None:
    """The probe that the header names; Forged when only a stranger's or a false token is there.

    A Message-ID alone accuses nobody: the last four groups of any UUID are token-shaped.
    """
    suspicious = False
    for name, by in _PLACES:
        for word in _words(letter, name):
            if (probe := token.verify(key, word, address)) is not None:
                return Match(probe, by) if _reached(letter, address) else Forged()
            suspicious |= by is not MatchedBy.MESSAGE_ID
    return Forged() if suspicious else None


def in_body(raw: bytes, letter: Letter, key: bytes, address: str) -> Match | None:
    """The probe whose token stands in the beginning of `raw`; `letter` holds its recipients."""
    for text in _texts(raw[:BODY_CAP]):
        for word in token.candidates(text):
            if (probe := token.verify(key, word, address)) is not None:
                return Match(probe, MatchedBy.BODY) if _reached(letter, address) else None
    return None


def _words(letter: Letter, name: str) -> Iterator[str]:
    for field in letter.all(name)[:_MOST_OF_A_KIND]:
        text = _decoded(field.value) if name == "subject" else field.value
        yield from token.candidates(text)


def _reached(letter: Letter, address: str) -> bool:
    """Whether To, Delivered-To or X-Original-To names the seed."""
    wanted = address.casefold()
    return any(
        word.casefold() == wanted
        for name in _RECIPIENTS
        for field in letter.all(name)[:_MOST_OF_A_KIND]
        for word in _NO_ADDRESS.split(field.value)
    )


def _decoded(value: str) -> str:
    """A header value with its encoded words (RFC 2047) read; as it stands where they are bad."""
    try:
        return str(make_header(decode_header(value[:_SUBJECT_CAP])))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _texts(raw: bytes) -> Iterator[str]:
    """A message as it stands, without quoted-printable's soft breaks, and its base64 read.

    No MIME structure is read: a thousand nested parts cost no more than one.
    """
    text = raw.decode("latin-1").replace("\r\n", "\n")
    yield text.replace("=\n", "")
    block: list[str] = []
    for line in [*text.split("\n"), ""]:
        if _BASE64_LINE.fullmatch(line):
            block.append(line)
        elif block:
            yield _from_base64("".join(block))
            block = []


def _from_base64(block: str) -> str:
    whole = block[: len(block) // 4 * 4]
    try:
        return base64.b64decode(whole, validate=False).decode("latin-1")
    except binascii.Error:
        return ""
