"""DMARC in both views: RFC 9989 (tree walk) and RFC 7489 (public suffix list).

Receivers move from one to the other at their own pace, so both are told.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probes.author import author_domains
from probes.check import NOT_EVALUABLE, letter_of
from probes.checks.spf import SpfResult, spf_result
from probes.dkim_verdict import Verdict, dkim_verdicts
from probes.dmarc_record import DmarcRecord, suffix_list_record, tree_walk
from probes.public_suffix import organizational_domain
from probes.resolver import Outcome, once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from probes.observation import Specimen
    from probes.resolver import Resolver

_OPEN = ("temperror", NOT_EVALUABLE)
_MILDER = {"reject": "quarantine", "quarantine": "none", "none": "none"}


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The domains that authenticated (`dkim`, `spf`), and whether some could not be judged.

    `open_dkim` holds the domains of signatures without a final verdict; `open_spf` says so of
    SPF. `open_status` is temperror when DNS was the reason, else "not evaluable".
    """

    dkim: tuple[str, ...]
    spf: str | None
    open_dkim: tuple[str, ...] = ()
    open_spf: bool = False
    open_status: str = NOT_EVALUABLE


@dataclass(frozen=True, slots=True)
class View:
    """DMARC as one standard has it.

    `status` is the word of RFC 8601. `policy` is what the record asks for this author domain,
    `applied` what it asks for after t=y. `dkim` and `spf` are the aligned domains.
    """

    status: str
    reason: str
    organizational_domain: str = ""
    record: DmarcRecord | None = None
    policy: str | None = None
    applied: str | None = None
    dkim: tuple[str, ...] = ()
    spf: str | None = None
    queries: int = 0


@dataclass(frozen=True, slots=True)
class DmarcVerdict:
    """Both views of one message."""

    author_domain: str
    tree: View
    suffix_list: View


@once
async def dmarc_verdict(specimen: Specimen, resolver: Resolver) -> DmarcVerdict | str:
    """Evaluate DMARC; a sentence when From does not name exactly one domain. Raises TooHostile."""
    letter = await letter_of(specimen, resolver)
    domains = author_domains(letter)
    if len(domains) != 1 or len(letter.all("from")) != 1:
        return f"From names {len(domains)} domains in {len(letter.all('from'))} fields, not one."
    spf, verdicts = await asyncio.gather(
        spf_result(specimen, resolver), dkim_verdicts(specimen, resolver)
    )
    found = identifiers(spf, verdicts)
    tree, suffix_list = await asyncio.gather(
        _tree_view(domains[0], found, resolver), _suffix_view(domains[0], found, resolver)
    )
    return DmarcVerdict(domains[0], tree, suffix_list)


def identifiers(spf: SpfResult, verdicts: Iterable[Verdict]) -> Identifiers:
    """What authenticated, every passing signature counted."""
    judged = [(v.status, v.domain.lower()) for v in verdicts if v.domain]
    statuses = {spf.status, *(status for status, _ in judged)}
    return Identifiers(
        dkim=tuple(dict.fromkeys(domain for status, domain in judged if status == "pass")),
        spf=spf.domain if spf.status == "pass" else None,
        open_dkim=tuple(dict.fromkeys(domain for status, domain in judged if status in _OPEN)),
        open_spf=spf.status in _OPEN,
        open_status="temperror" if "temperror" in statuses else NOT_EVALUABLE,
    )


async def _tree_view(author: str, found: Identifiers, resolver: Resolver) -> View:
    walk = await tree_walk(author, resolver)
    if walk.failed:
        reason = f"The policy could not be looked up: {walk.failed}."
        return View("temperror", reason, queries=walk.queries)
    home, record = walk.organizational_domain, walk.record
    if record is None:
        return View("none", f"No DMARC record covers {author}.", home, queries=walk.queries)
    exists = "np" not in record.tags or await _exists(author, resolver)
    policy = record.policy(own=record.domain == author, exists=exists)
    others = sorted({*found.dkim, *found.open_dkim, *([found.spf] if found.spf else [])} - {author})
    walks = await asyncio.gather(*(tree_walk(domain, resolver) for domain in others))
    homes = {walked.start: walked.organizational_domain for walked in walks if not walked.failed}
    homes[author] = home
    view = _view(author, record, policy, found, lambda domain: homes.get(domain, ""))
    if view.status == "fail" and len(homes) <= len(others):
        view = _undecided(view, "temperror")
    return replace(view, organizational_domain=home, queries=walk.queries)


async def _suffix_view(author: str, found: Identifiers, resolver: Resolver) -> View:
    record = await suffix_list_record(author, resolver)
    home = organizational_domain(author)
    if isinstance(record, str):
        return View("temperror", f"The policy could not be looked up: {record}.", home)
    if record is None:
        return View("none", f"No DMARC record covers {author}.", home)
    policy = record.policy(own=record.domain == author, with_np=False)
    view = _view(author, record, policy, found, organizational_domain)
    queries = 1 if record.domain == author else 2
    return replace(view, organizational_domain=home, queries=queries)


def _view(
    author: str,
    record: DmarcRecord,
    policy: str | None,
    found: Identifiers,
    home_of: Callable[[str], str],
) -> View:
    """Compare every identifier with the author domain (RFC 9989 4.10.2, RFC 7489 3.1)."""

    def aligned(domain: str, identifier: str) -> bool:
        if domain == author or record.strict(identifier):
            return domain == author
        return home_of(domain) == home_of(author)

    if policy is None:
        return View("permerror", f"The record at {record.domain} is malformed.", record=record)
    dkim = tuple(domain for domain in found.dkim if aligned(domain, "dkim"))
    spf = found.spf if found.spf and aligned(found.spf, "spf") else None
    applied = _MILDER[policy] if record.testing else policy
    status, reason = _conclusion(author, dkim, spf)
    view = View(status, reason, "", record, policy, applied, dkim, spf)
    still_open = found.open_spf or any(aligned(domain, "dkim") for domain in found.open_dkim)
    return _undecided(view, found.open_status) if status == "fail" and still_open else view


def _conclusion(author: str, dkim: tuple[str, ...], spf: str | None) -> tuple[str, str]:
    if not dkim and not spf:
        return "fail", f"Neither SPF nor DKIM authenticated a domain aligned with {author}."
    means = [*(["DKIM"] if dkim else []), *(["SPF"] if spf else [])]
    return "pass", f"{' and '.join(means)} authenticated {author}."


def _undecided(view: View, status: str) -> View:
    reason = "Nothing aligned has passed, but not everything could be evaluated."
    return replace(view, status=status, reason=reason)


async def _exists(domain: str, resolver: Resolver) -> bool:
    """Whether the domain has an address or a mail exchanger, as RFC 9989 means it."""
    answers = await asyncio.gather(*(resolver.ask(domain, kind) for kind in ("A", "AAAA", "MX")))
    return any(a.outcome in {Outcome.RECORDS, Outcome.TEMPORARY} for a in answers)
