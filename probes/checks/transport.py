"""TLS of the last hop, as the provider's own Received line tells it (RFC 3848, RFC 8314)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from probes.check import Check, letter_of, not_evaluable
from probes.observation import Finding, Severity
from probes.received import Hop, trusted_hop

if TYPE_CHECKING:
    from probes.observation import Specimen
    from probes.resolver import Resolver

NAME = "transport"
_SECURE_PROTOCOL = re.compile(r"\b(?:UTF8)?(?:E?SMTPSA?|LMTPSA?)\b", re.IGNORECASE)
_VERSION = re.compile(r"(?:\bversion=|\busing )(?:TLS|SSL)v?_?(\d)?(?:[._](\d))?", re.IGNORECASE)
_OLD = {"1.0", "1.1", "2.0", "3.0"}


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding: encrypted, not encrypted, or not evaluable."""
    hop = trusted_hop(await letter_of(specimen, resolver), specimen.trusted_hosts)
    if hop is None:
        reason = "No Received line of the mailbox's own provider tells how the message came in."
        return (not_evaluable(NAME, reason),)
    version = tls_version(hop)
    evidence = {"protocol": hop.protocol, "tls_version": version, "by": hop.by}
    return (_finding(hop, version, evidence),)


CHECK = Check(NAME, examine)


def tls_version(hop: Hop) -> str | None:
    """The TLS version that the hop names, "unknown" when it only says TLS, None without TLS."""
    for remark in hop.remarks:
        named = _VERSION.search(remark)
        if named:
            number = ".".join(part for part in named.groups() if part)
            return number if "." in number else f"{number}.0" if number else "unknown"
    return "unknown" if _SECURE_PROTOCOL.search(hop.protocol) else None


def _finding(hop: Hop, version: str | None, evidence: dict[str, str | None]) -> Finding:
    client = hop.client_ip or "the client"
    if version is None:
        summary = f"{hop.by} took the message from {client} without TLS."
        remedy = "Let the sending server use STARTTLS when it delivers."
        return Finding(NAME, "not encrypted", Severity.PROBLEM, summary, evidence, remedy)
    if version in _OLD:
        summary = f"{hop.by} took the message from {client} with an outdated TLS {version}."
        remedy = "Let the sending server use TLS 1.2 or later."
        return Finding(NAME, "encrypted", Severity.NOTICE, summary, evidence, remedy)
    summary = f"{hop.by} took the message from {client} with TLS."
    return Finding(NAME, "encrypted", Severity.OK, summary, evidence)
