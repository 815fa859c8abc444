"""The receiver's own verdict (RFC 8601), and whether it agrees with ours, method by method."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from probes.authres import AuthenticationResults, Claim, receiver_results
from probes.check import NOT_EVALUABLE, Check, letter_of, not_evaluable
from probes.checks.spf import spf_result
from probes.dkim_verdict import dkim_verdicts
from probes.dmarc_verdict import DmarcVerdict, dmarc_verdict
from probes.observation import Finding, Severity
from probes.received import trusted_hop

if TYPE_CHECKING:
    from probes.checks.spf import SpfResult
    from probes.dkim_verdict import Verdict
    from probes.observation import Specimen
    from probes.resolver import Resolver

NAME = "authentication-results"
_COMPARED = ("spf", "dkim", "dmarc")
_UNDECIDED = {"temperror", NOT_EVALUABLE}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The receiver's result beside ours; `agrees` is None where one side has no verdict."""

    method: str
    domain: str | None
    receiver: str
    ours: str
    agrees: bool | None


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding: agrees, disagrees, none (the receiver wrote nothing), or not evaluable."""
    letter = await letter_of(specimen, resolver)
    if trusted_hop(letter, specimen.trusted_hosts) is None:
        reason = "No Received line of the mailbox's own provider tells whose verdict to believe."
        return (not_evaluable(NAME, reason),)
    results = receiver_results(letter, specimen.trusted_hosts)
    if not results:
        summary = "The receiver wrote no Authentication-Results that can be believed."
        return (Finding(NAME, "none", Severity.OK, summary),)
    spf, dkim, dmarc = await asyncio.gather(
        spf_result(specimen, resolver),
        dkim_verdicts(specimen, resolver),
        dmarc_verdict(specimen, resolver),
    )
    claims = [claim for found in results for claim in found.claims if claim.method in _COMPARED]
    return (_finding(results, [compare(claim, spf, dkim, dmarc) for claim in claims]),)


CHECK = Check(NAME, examine)


def compare(
    claim: Claim, spf: SpfResult, dkim: tuple[Verdict, ...], dmarc: DmarcVerdict | str
) -> Comparison:
    """Set one of the receiver's results beside ours."""
    if claim.method == "spf":
        ours = {spf.status}
    elif claim.method == "dkim":
        about = [v for v in dkim if claim.domain is None or _concerns(claim.domain, v)]
        ours = {verdict.status for verdict in about} or {"none"}
    else:
        # A receiver may follow either standard.
        views = () if isinstance(dmarc, str) else (dmarc.tree, dmarc.suffix_list)
        ours = {view.status for view in views} or {"permerror"}
    agrees = _agree(claim.result, ours)
    return Comparison(claim.method, claim.domain, claim.result, "/".join(sorted(ours)), agrees)


def _concerns(domain: str, verdict: Verdict) -> bool:
    signer = (verdict.domain or "").lower()
    # header.i may name a subdomain of d= (RFC 6376 3.5).
    return domain == signer or domain.endswith(f".{signer}")


def _agree(theirs: str, ours: set[str]) -> bool | None:
    """Whether both sides say pass, or neither does; softer words differ by local taste."""
    if ours <= _UNDECIDED or theirs == "temperror":
        return None
    return (theirs == "pass") in {status == "pass" for status in ours - _UNDECIDED}


def _finding(results: tuple[AuthenticationResults, ...], comparisons: list[Comparison]) -> Finding:
    evidence = {
        "authserv_id": [found.authserv_id for found in results],
        "methods": [asdict(comparison) for comparison in comparisons],
    }
    differing = [c for c in comparisons if c.agrees is False]
    if differing:
        return _disagreement(differing, evidence)
    if not any(comparison.agrees for comparison in comparisons):
        summary = "The receiver's verdict and ours have no method in common."
        return not_evaluable(NAME, summary, **evidence)
    said = ", ".join(f"{c.method}={c.receiver}" for c in comparisons)
    summary = f"The receiver comes to the same verdict ({said})."
    return Finding(NAME, "agrees", Severity.OK, summary, evidence)


def _disagreement(differing: list[Comparison], evidence: dict[str, object]) -> Finding:
    said = ", ".join(f"{c.method}={c.receiver} (ours: {c.ours})" for c in differing)
    refused = any(c.receiver != "pass" for c in differing)
    return Finding(
        NAME,
        "disagrees",
        # The receiver's verdict is the one that decides about the receipt.
        Severity.PROBLEM if refused else Severity.NOTICE,
        f"The receiver says {said}.",
        evidence,
        "Compare the times: a DNS change between the delivery and this check explains most.",
    )
