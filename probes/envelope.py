"""The SMTP facts of a delivery that SPF needs, as far as the provider wrote them down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.received import Hop, trusted_hop

if TYPE_CHECKING:
    from probes.letter import Letter


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sender` is MAIL FROM without its brackets, "" for the null sender."""

    client_ip: str
    helo: str
    sender: str
    hop: Hop


def read_envelope(letter: Letter, trusted_hosts: tuple[str, ...]) -> Envelope | str:
    """The envelope, or a sentence that says why it cannot be known."""
    hop = trusted_hop(letter, trusted_hosts)
    if hop is None or hop.client_ip is None:
        return "No Received line of the mailbox's own provider shows who delivered the message."
    sender = _return_path(letter, hop)
    if sender is None:
        return "The message has no Return-Path that can be believed, so MAIL FROM is unknown."
    return Envelope(hop.client_ip, hop.helo or "", sender, hop)


def _return_path(letter: Letter, hop: Hop) -> str | None:
    """The Return-Path above the provider's first hop, else the only one (Microsoft's is below).

    Final delivery writes exactly one (RFC 5321 4.4); two below the hop could be anybody's.
    """
    above = [field for field in letter.fields[: hop.index] if field.name == "return-path"]
    every = letter.all("return-path")
    chosen = above[0] if above else every[0] if len(every) == 1 else None
    if chosen is None:
        return None
    return chosen.value.strip().removeprefix("<").removesuffix(">").strip()
