"""ARC (RFC 8617): whether the chain of those who passed the message on still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.arc_chain import arc_verdict
from probes.check import NOT_EVALUABLE, Check
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from probes.observation import Specimen
    from probes.resolver import Resolver

NAME = "arc"
_SEVERITIES = {
    "none": Severity.OK,
    "pass": Severity.OK,
    # A broken chain alone harms nothing: receivers then ignore it.
    "fail": Severity.NOTICE,
    "temperror": Severity.UNKNOWN,
    NOT_EVALUABLE: Severity.UNKNOWN,
}


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding; a receipt that was not forwarded has no chain, and needs none."""
    verdict = await arc_verdict(specimen, resolver)
    evidence = {
        "instances": verdict.instances,
        "sealers": list(verdict.sealers),
        "broken_at": verdict.broken_at,
    }
    remedy = None
    if verdict.status == "fail":
        remedy = "Send receipts directly, or ask the forwarder that broke the chain to repair it."
    severity = _SEVERITIES[verdict.status]
    return (Finding(NAME, verdict.status, severity, verdict.reason, evidence, remedy),)


CHECK = Check(NAME, examine)
