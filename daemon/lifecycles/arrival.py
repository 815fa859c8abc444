"""A message as it is taken in: what intake hands over and the ledger keeps, before the 250."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class IntakeMode(StrEnum):
    """What a message was taken in for."""

    RELAY = "relay"
    """To be sent on."""
    COPY = "copy"
    """A blind copy or a journal entry of what the shop sent itself: watched only."""
    BOUNCE = "bounce"
    """It came back to one of our return paths."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message of one shop, whole, with CRLF line ends and without dot-stuffing.

    `mail_from` is "" for the null return path. `client` is the bringer's IP address, or the name of
    the mailbox that it was read from. `message_id` stands as in the header, without its angle
    brackets; None when there is none. `dedupe` is the SHA-256 of envelope, Message-ID and body: a
    client that never saw our 250 brings the same again.
    """

    shop: str
    mode: IntakeMode
    mail_from: str
    recipients: tuple[str, ...]
    client: str
    helo: str
    login: str | None
    smtputf8: bool
    received_at: datetime
    message_id: str | None
    dedupe: bytes
    sha256: bytes
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """The message is durable, under this id; `duplicate` when it was so before."""

    message: str
    duplicate: bool
