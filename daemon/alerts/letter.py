"""A notice as an e-mail: ASCII, CRLF, text and HTML (RFC 5322, RFC 2046)."""

from __future__ import annotations

import hashlib
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from probes.address import is_one_line

if TYPE_CHECKING:
    from daemon.alerts.notice import Notice
    from probes.address import Mailbox

_SEVEN_BITS = SMTP.clone(cte_type="7bit")


def letter(notice: Notice, sender: Mailbox, recipient: str) -> bytes:
    """The whole message; equal for every try, its Message-ID included.

    Notices about one incident refer to the same thread (RFC 5322 section 3.6.4). Automatic
    answers are not wanted (RFC 3834).
    """
    fields = {
        "From": _author(sender),
        "To": recipient,
        "Subject": _words("Subject", notice.subject),
        "Date": format_datetime(notice.at),
        "Message-ID": f"<{notice.key}@{sender.domain}>",
        "Content-Language": notice.language,
        "Auto-Submitted": "auto-generated",
    }
    if len(notice.incidents) == 1:
        thread = hashlib.sha256(notice.incidents[0].encode()).hexdigest()[:24]
        fields["References"] = f"<incident.{thread}@{sender.domain}>"
    for name, value in fields.items():
        if not all(map(is_one_line, value.split("\r\n "))):
            raise ValueError(f"{name} is not one line of printable text")
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return block.encode("ascii") + _content(notice).as_bytes()


def _author(sender: Mailbox) -> str:
    if not sender.name:
        return sender.address
    return f"{_words('From', sender.name, quoted=True)}\r\n <{sender.address}>"


def _words(name: str, text: str, *, quoted: bool = False) -> str:
    """`text` folded, and in encoded words where it is not plain (RFC 2047)."""
    plain = text.isascii() and text.isprintable() and "=?" not in text
    if plain and quoted and len(text) < 60:
        return f'"{text}"'
    charset = "us-ascii" if plain and not quoted else "utf-8"
    return Header(text, charset, header_name=name).encode(linesep="\r\n")


def _content(notice: Notice) -> EmailMessage:
    content = EmailMessage(policy=_SEVEN_BITS)
    content.set_content(notice.text)
    content.add_alternative(notice.html, subtype="html")
    content.set_boundary(f"part-{notice.key}")
    for part in content.iter_parts():
        del part["MIME-Version"]  # it belongs to the whole message, RFC 2045 section 4
    return content
