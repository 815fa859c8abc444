"""PURE: what we write above a message (RFC 5321 section 4.4, RFC 6409 section 8), and read of it.

The lines below stay as they came: a signature covers them.
"""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.intake.header import Header

MOST_HOPS = 50
MARK = "X-Receiptwatch-Loop"
"""Names the instances that a message was relayed by."""

_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}", re.ASCII)


class Hop(NamedTuple):
    """Who brought a message, how, to whom; `protocol` as in RFC 3848 and RFC 6531."""

    helo: str
    client: str
    hostname: str
    protocol: str
    recipient: str | None
    """The only one; None where there are several, who need not know of each other."""


def loops(header: Header, hostname: str) -> bool:
    """Whether the message was here before, or is passed around without end."""
    hops = sum(1 for _ in header.values(b"received"))
    marks = {value.strip().lower() for value in header.values(MARK.lower().encode())}
    return hops > MOST_HOPS or hostname.lower().encode() in marks


def received(hop: Hop, now: datetime) -> bytes:
    """Our Received field."""
    helo = hop.helo if _NAME.fullmatch(hop.helo) else "unknown"
    client = f"[IPv6:{hop.client}]" if ":" in hop.client else f"[{hop.client}]"
    whom = f"\r\n\tfor <{hop.recipient}>" if hop.recipient else ""
    return (
        f"Received: from {helo} ({client})\r\n"
        f"\tby {hop.hostname} (Receiptwatch) with {hop.protocol}{whom};\r\n"
        f"\t{format_datetime(now)}\r\n"
    ).encode("ascii")


def completed(header: Header, hostname: str, dedupe: bytes, now: datetime) -> bytes:
    """What a message to be sent on must have: our mark, a Date and a Message-ID.

    The Message-ID that we give is the same when the client brings the message again.
    """
    lines = [f"{MARK}: {hostname}\r\n"]
    if header.first(b"date") is None:
        lines.append(f"Date: {format_datetime(now)}\r\n")
    if header.first(b"message-id") is None:
        lines.append(f"Message-ID: <{given_message_id(hostname, dedupe)}>\r\n")
    if not header.fields:
        lines.append("\r\n")
    return "".join(lines).encode("ascii")


def given_message_id(hostname: str, dedupe: bytes) -> str:
    """The Message-ID of a message that came without one."""
    return f"{dedupe.hex()[:32]}@{hostname}"
