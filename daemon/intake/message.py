"""PURE: makes of an envelope and a content what is stored, or refuses it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from daemon.intake import replies, trace
from daemon.intake.header import read_header
from daemon.intake.identity import dedupe_key
from daemon.intake.replies import Refused
from daemon.lifecycles.arrival import Arrival, IntakeMode

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.intake.admission import Admission, Purpose
    from daemon.intake.header import Header


class Envelope(NamedTuple):
    """Everything about a message that is not in it."""

    purpose: Purpose
    mail_from: str
    recipients: tuple[str, ...]
    client: str
    helo: str
    login: str | None
    protocol: str
    smtputf8: bool


def arrival(
    envelope: Envelope, content: bytes, *, rules: Admission, hostname: str, now: datetime
) -> Arrival:
    """The message as it is kept. Raises Refused: header too big, a loop, somebody else's name."""
    header = read_header(content)
    _examine(envelope.purpose, header, rules, hostname)
    key = dedupe_key(envelope.purpose, envelope.mail_from, envelope.recipients, header, content)
    raw = _trace(envelope, header, hostname, key, now) + content
    return Arrival(
        shop=envelope.purpose.shop,
        mode=envelope.purpose.mode,
        mail_from=envelope.mail_from,
        recipients=envelope.recipients,
        client=envelope.client,
        helo=envelope.helo,
        login=envelope.login,
        smtputf8=envelope.smtputf8,
        received_at=now,
        message_id=_message_id(envelope.purpose, header, hostname, key),
        dedupe=key,
        sha256=hashlib.sha256(raw).digest(),
        raw=raw,
    )


def _examine(purpose: Purpose, header: Header, rules: Admission, hostname: str) -> None:
    if purpose.mode is IntakeMode.RELAY and trace.loops(header, hostname):
        raise Refused(replies.LOOP)
    authors = header.values(b"from", b"sender", b"reply-to")
    if purpose.mode is not IntakeMode.BOUNCE and rules.names_another(purpose.shop, authors):
        raise Refused(replies.ANOTHERS_NAME)


def _trace(envelope: Envelope, header: Header, hostname: str, key: bytes, now: datetime) -> bytes:
    only = envelope.recipients[0] if len(envelope.recipients) == 1 else None
    hop = trace.Hop(envelope.helo, envelope.client, hostname, envelope.protocol, only)
    field = trace.received(hop, now)
    if envelope.purpose.mode is not IntakeMode.RELAY:
        return field if header.fields else field + b"\r\n"
    return field + trace.completed(header, hostname, key, now)


def _message_id(purpose: Purpose, header: Header, hostname: str, key: bytes) -> str | None:
    if purpose.mode is IntakeMode.RELAY and header.first(b"message-id") is None:
        return trace.given_message_id(hostname, key)
    return header.message_id
