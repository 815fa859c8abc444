"""Reads an SMTP reply: its enhanced status code, its words for people, the queue's id.

Servers write what they like, and a relay may quote whoever it spoke to: nothing here trusts more
than a code's shape, and the words come out on one printable line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_TEXT = 1_000
"""Characters of a reply that are kept."""

_ENHANCED = re.compile(r"(?:\d{3}[ -])?([245]\.\d{1,3}\.\d{1,3})(?:[ -]|$)")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Za-z.:]{2,60}\]")
_QUEUE_IDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"queued as <?([0-9a-z._-]{4,64})",  # Postfix, aiosmtpd's kin
        r"\bid=([0-9a-z-]{6,64})",  # Exim
        r"\[InternalId=(\d{4,20})",  # Exchange
        r"([0-9a-z._-]{8,100}) - gsmtp",  # Gmail
        r"^([0-9a-z]{12,20}) Message accepted",  # Sendmail
        r"^Ok:? ([0-9a-f-]{20,80})$",  # Amazon SES
    )
)


@dataclass(frozen=True, slots=True)
class ReplyText:
    """A reply: `code` (RFC 5321), `enhanced` (RFC 3463, "5.7.26"), `text` without the codes."""

    code: int | None
    enhanced: str | None
    text: str


def read_reply(code: int, message: str) -> ReplyText:
    """The reply of `code` with `message`, its lines separated by line feeds.

    A code outside 200…599 (aiosmtplib writes -1 for a malformed reply) becomes None.
    """
    enhanced, words = None, []
    for line in message[: 4 * LONGEST_TEXT].splitlines():
        match = _ENHANCED.match(line)
        enhanced = enhanced or (match[1] if match else None)
        words.append(line[match.end() :] if match else line)
    return ReplyText(code if 200 <= code <= 599 else None, enhanced, printable(" ".join(words)))


def printable(text: str) -> str:
    """`text` on one line, its unprintable characters as "?", at most 1,000 characters."""
    line = " ".join(text[: 4 * LONGEST_TEXT].split())[:LONGEST_TEXT]
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def queue_id(text: str) -> str | None:
    """The name under which the server queued the message, where its words are known."""
    matches = (pattern.search(text) for pattern in _QUEUE_IDS)
    return next((match[1].rstrip(".") for match in matches if match), None)


def greeting_host(greeting: str) -> str | None:
    """The host that a 220 greeting names first (RFC 5321 section 4.2)."""
    first = greeting[:300].split(maxsplit=1)[:1]
    return first[0] if first and _HOST.fullmatch(first[0]) else None
