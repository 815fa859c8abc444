"""Writes a message as RFC 5322 and MIME want it: ASCII, CRLF, short lines, nothing smuggled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from probes.address import is_one_line
from probes.token import HEADER

if TYPE_CHECKING:
    from datetime import datetime

    from probes.address import Mailbox

LONGEST_LINE = 78
"""Characters that RFC 5322 section 2.1.1 wants a line to keep within."""
LONGEST_PHRASE = LONGEST_LINE - len("From: ")

_SEVEN_BITS = SMTP.clone(cte_type="7bit")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one recipient; `text` or `html` may be missing, not both.

    `boundary` parts the alternatives; it stands in neither of them. `now` must be aware.
    """

    sender: Mailbox
    recipient: str
    subject: str
    message_id: str
    token: str
    text: str | None
    html: str | None
    boundary: str
    now: datetime

    def __bytes__(self) -> bytes:
        """The whole message; raises ValueError when a header value is not one line."""
        fields = {
            "From": self._from(),
            "To": self.recipient,
            "Subject": _unstructured("Subject", self.subject),
            "Date": format_datetime(self.now),
            "Message-ID": self.message_id,
            HEADER: self.token,
        }
        for name, value in fields.items():
            if not all(map(is_one_line, value.split("\r\n "))):
                raise ValueError(f"{name} is not one line of printable text")
        block = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return block.encode("ascii") + self._content().as_bytes()

    def _from(self) -> str:
        name, address = self.sender.name, f"<{self.sender.address}>"
        if not name:
            return self.sender.address
        phrase = name if _ATOMS.fullmatch(name) else f'"{name}"'
        if not _is_plain(name) or len(phrase) > LONGEST_PHRASE:
            phrase = Header(name, "utf-8", header_name="From").encode(linesep="\r\n")
        width = len(f"From: {phrase}".rpartition("\r\n")[2])
        gap = " " if width + len(address) < LONGEST_LINE else "\r\n "
        return f"{phrase}{gap}{address}"

    def _content(self) -> EmailMessage:
        content = EmailMessage(policy=_SEVEN_BITS)
        if self.text is not None:
            content.set_content(self.text)
        if self.html is not None and self.text is None:
            content.set_content(self.html, subtype="html")
        elif self.html is not None:
            content.add_alternative(self.html, subtype="html")
            content.set_boundary(self.boundary)
            for part in content.iter_parts():
                del part["MIME-Version"]  # it belongs to the whole message, RFC 2045 section 4
        return content


def _is_plain(text: str) -> bool:
    """Printable ASCII that no reader takes for an encoded word (RFC 2047 section 2)."""
    return text.isascii() and text.isprintable() and "=?" not in text


def _unstructured(name: str, text: str) -> str:
    """`text` folded, and in encoded words where it is not ASCII (RFC 2047)."""
    charset = "us-ascii" if _is_plain(text) else "utf-8"
    return Header(text, charset, header_name=name).encode(linesep="\r\n")
