"""DMARC: whether the author domain is authenticated, by which means, and what its policy asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probes.check import NOT_EVALUABLE, Check
from probes.dmarc_verdict import DmarcVerdict, View, dmarc_verdict
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from probes.observation import Specimen
    from probes.resolver import Resolver

NAME = "dmarc"
Weakness = tuple[str, str]

_REMEDIES = {
    "none": "Publish a DMARC record for the domain in From, at least v=DMARC1; p=none with rua=.",
    "fail": "Sign with DKIM by the domain in From, or let SPF pass for it; either is enough.",
    "permerror": "Correct the DMARC record: p must be none, quarantine or reject.",
    "temperror": "Look at the name servers of the domain; they did not answer.",
}
_SEVERITIES = {
    "fail": Severity.PROBLEM,
    "permerror": Severity.PROBLEM,
    "none": Severity.NOTICE,
    "temperror": Severity.UNKNOWN,
    NOT_EVALUABLE: Severity.UNKNOWN,
}


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding; its status is RFC 9989's, the view of RFC 7489 stands in the evidence."""
    verdict = await dmarc_verdict(specimen, resolver)
    if isinstance(verdict, str):
        remedy = "Write exactly one From field with one address."
        return (Finding(NAME, "permerror", Severity.PROBLEM, verdict, remedy=remedy),)
    return (_finding(verdict),)


CHECK = Check(NAME, examine)


def _finding(verdict: DmarcVerdict) -> Finding:
    view = verdict.tree
    weaknesses = [*_differences(verdict), *_weaknesses(verdict)]
    severity = _SEVERITIES.get(view.status, Severity.NOTICE if weaknesses else Severity.OK)
    remedy = _REMEDIES.get(view.status) or (weaknesses[0][1] if weaknesses else None)
    summary = " ".join([view.reason, *(text for text, _ in weaknesses)])
    return Finding(NAME, view.status, severity, summary, _evidence(verdict), remedy)


def differences(verdict: DmarcVerdict) -> tuple[str, ...]:
    """In what the two standards disagree: status, policy, organizational domain."""
    one, other = verdict.tree, verdict.suffix_list
    pairs = {
        "status": (one.status, other.status),
        "policy": (one.policy, other.policy),
        "organizational domain": (one.organizational_domain, other.organizational_domain),
    }
    # Without a record the tree walk calls every domain its own organization: no news to anybody.
    if one.record is None and other.record is None:
        return ()
    return tuple(name for name, (new, old) in pairs.items() if new != old)


def _differences(verdict: DmarcVerdict) -> list[Weakness]:
    # Another organizational domain alone changes nothing for this message.
    differing = [name for name in differences(verdict) if name != "organizational domain"]
    if not differing:
        return []
    text = f"RFC 9989 and RFC 7489 disagree here about the {' and the '.join(differing)}."
    return [(text, "Publish a DMARC record at the exact domain in From, so that both agree.")]


def _weaknesses(verdict: DmarcVerdict) -> list[Weakness]:
    view = verdict.tree
    if view.record is None or view.policy is None:
        return []
    return [*_dependence(view), *_leniency(view)]


def _dependence(view: View) -> list[Weakness]:
    if view.status != "pass":
        return []
    if not view.dkim:
        text = "It passes by SPF alone, which forwarding breaks."
        return [(text, "Sign with DKIM by the domain in From as well.")]
    if not view.spf:
        text = "It passes by DKIM alone, without SPF in reserve."
        return [(text, "Use an envelope sender in the domain of From, and let SPF pass for it.")]
    return []


def _leniency(view: View) -> list[Weakness]:
    """What the policy leaves open to forgers."""
    record = view.record
    if record is None:
        return []
    p = record.tags.get("p", "none").lower()
    found = []
    if view.policy == "none":
        found.append(("Its policy is none: forged mail is let through.", "Move to p=quarantine."))
    for tag, whom in (("sp", "existing subdomains"), ("np", "subdomains that do not exist")):
        if p != "none" and record.tags.get(tag, "").lower() == "none":
            found.append((f"{tag}=none leaves {whom} open.", f"Set {tag} as strict as p."))
    if record.testing and view.policy != "none":
        found.append(("It is in test mode (t=y).", "Remove t=y once the reports look right."))
    if record.tags.get("pct", "100") != "100":
        found.append(("pct was given up by RFC 9989.", "Replace pct by t=y, or remove it."))
    return found


def _evidence(verdict: DmarcVerdict) -> dict[str, Any]:
    return {
        "from_domain": verdict.author_domain,
        "rfc9989": _view_evidence(verdict.tree),
        "rfc7489": _view_evidence(verdict.suffix_list),
        "differ": list(differences(verdict)),
    }


def _view_evidence(view: View) -> dict[str, Any]:
    return {
        "status": view.status,
        "organizational_domain": view.organizational_domain,
        "record_at": view.record.domain if view.record else None,
        "record": view.record.text[:1000] if view.record else None,
        "policy": view.policy,
        "applied": view.applied,
        "aligned_dkim": list(view.dkim),
        "aligned_spf": view.spf,
        "queries": view.queries,
    }
