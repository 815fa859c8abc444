"""PURE: what makes two messages one: the same envelope, the same Message-ID, the same text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.intake.admission import Purpose
    from daemon.intake.header import Header


def dedupe_key(
    purpose: Purpose, mail_from: str, recipients: Iterable[str], header: Header, content: bytes
) -> bytes:
    """SHA-256 of purpose, envelope, Message-ID, Subject and body.

    A client that never saw our 250 brings the same again, and may write a new Date over it.
    Without a Message-ID the header counts too: nothing else tells two such messages apart.
    """
    envelope = (purpose.mode, purpose.shop, mail_from, *sorted(recipients), "\0")
    digest = hashlib.sha256("\0".join(envelope).encode())
    if header.message_id is None:
        digest.update(content)
    else:
        subject = b"\0".join(header.values(b"subject"))
        digest.update(header.message_id.encode() + b"\0" + subject + b"\0")
        digest.update(memoryview(content)[header.size :])
    return digest.digest()
