"""Forward-confirmed reverse DNS of the delivering client (iprev, RFC 8601 3)."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from probes.check import Check, letter_of, not_evaluable
from probes.observation import Finding, Severity
from probes.received import trusted_hop
from probes.resolver import Answer, Outcome, Resolver, reverse_name

if TYPE_CHECKING:
    from probes.observation import Specimen

NAME = "reverse-dns"
MAX_NAMES = 10
_REMEDY = "Give the sending address a PTR record whose name resolves back to that address."


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding: pass, fail, permerror (no PTR at all), temperror, or not evaluable."""
    hop = trusted_hop(await letter_of(specimen, resolver), specimen.trusted_hosts)
    if hop is None or hop.client_ip is None:
        reason = "No Received line of the mailbox's own provider shows who delivered the message."
        return (not_evaluable(NAME, reason),)
    return (await confirm(hop.client_ip, resolver),)


CHECK = Check(NAME, examine)


async def confirm(address: str, resolver: Resolver) -> Finding:
    """Whether a name of `address` leads back to it."""
    pointers = await resolver.ask(reverse_name(address), "PTR")
    rdtype = "AAAA" if ipaddress.ip_address(address).version == 6 else "A"
    names = pointers.hosts[:MAX_NAMES]
    forward = await asyncio.gather(*(resolver.ask(name, rdtype) for name in names))
    confirmed = [answer.name for answer in forward if _leads_to(answer, address)]
    evidence = {"client_ip": address, "names": list(names), "confirmed": confirmed}
    if confirmed:
        summary = f"{address} is {confirmed[0]}, and back."
        return Finding(NAME, "pass", Severity.OK, summary, evidence)
    if Outcome.TEMPORARY in {pointers.outcome, *(answer.outcome for answer in forward)}:
        summary = f"DNS did not answer about {address}."
        return Finding(NAME, "temperror", Severity.UNKNOWN, summary, evidence)
    if not names:
        summary = f"{address} has no name in reverse DNS."
        return Finding(NAME, "permerror", Severity.PROBLEM, summary, evidence, _REMEDY)
    summary = f"{address} calls itself {names[0]}, but that name does not lead back."
    return Finding(NAME, "fail", Severity.PROBLEM, summary, evidence, _REMEDY)


def _leads_to(answer: Answer, address: str) -> bool:
    wanted = ipaddress.ip_address(address)
    return any(ipaddress.ip_address(found) == wanted for found in answer.addresses)
