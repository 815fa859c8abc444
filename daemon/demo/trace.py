"""The lines that every hop writes: Received fields and SMTP replies (RFC 5321)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from aiosmtpd.smtp import Session

    from daemon.demo.verdicts import Client


@dataclass(frozen=True, slots=True)
class Hop:
    """One acceptance of a message: by whom, from whom, for whom; `protocol` as in RFC 3848."""

    host: str
    client: Client
    recipient: str
    protocol: str
    at: datetime

    def received(self) -> bytes:
        """The Received field, ending in CRLF (RFC 5321 section 4.4)."""
        helo, address = self.client.helo, self.client.address
        return (
            f"Received: from {helo} ({helo} [{address}])\r\n"
            f"\tby {self.host} with {self.protocol} id {secrets.token_hex(6)}\r\n"
            f"\tfor <{self.recipient}>; {format_datetime(self.at)}\r\n"
        ).encode()


def reply(code: int, text: str) -> str:
    """An SMTP reply, of several lines where `text` has several (RFC 5321 section 4.2.1)."""
    *earlier, last = text.splitlines() or [""]
    return "\r\n".join([*(f"{code}-{line}" for line in earlier), f"{code} {last}"])


def crlf(content: bytes | str | None) -> bytes:
    """A message's octets as aiosmtpd hands them over, with CRLF line ends."""
    octets = content.encode() if isinstance(content, str) else content or b""
    return b"\r\n".join(octets.splitlines()) + b"\r\n"


def peer_address(session: Session) -> str:
    """The client's IP address."""
    return str(session.peer[0]) if session.peer else ""
