"""Which hosts take a domain's mail (RFC 5321 section 5.1), and whether there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.addressee.verdict import Verdict
from probes.resolver import Outcome

if TYPE_CHECKING:
    from probes.resolver import Answer, Resolver

MOST_HOSTS = 10
MOST_LOOKED_UP = 3  # hosts: with MX, at most seven questions for one domain


@dataclass(frozen=True, slots=True)
class MailServers:
    """The servers of one domain, best first; `best` are those of the lowest preference.

    `has_mx` says whether the domain names mail exchangers of its own that may exist; None when DNS
    gave no answer.
    """

    verdict: Verdict
    hosts: tuple[str, ...] = ()
    best: tuple[str, ...] = ()
    has_mx: bool | None = False


async def mail_servers(domain: str, resolver: Resolver) -> MailServers:
    """Look up the servers of `domain` (A-labels); raises nothing.

    All look-ups together end within twice the resolver's timeout.
    """
    inquiry = resolver.inquiry()
    answer = await inquiry.ask(domain, "MX")
    if answer.outcome is Outcome.RECORDS:
        return await _explicit(answer, inquiry)
    if answer.outcome is Outcome.NXDOMAIN:
        return MailServers(Verdict.NO_DOMAIN)
    if answer.outcome is Outcome.TEMPORARY:
        return MailServers(Verdict.UNKNOWN, has_mx=None)
    return await _implicit(domain, inquiry)


async def _explicit(answer: Answer, resolver: Resolver) -> MailServers:
    named = sorted({(rank, host.lower()) for rank, host in answer.exchanges if host != "."})
    if not named:
        return MailServers(Verdict.NULL_MX)
    hosts = tuple(dict.fromkeys(host for _, host in named))
    verdict = await _reachable(hosts, resolver)
    best = tuple(host for rank, host in named if rank == named[0][0])
    has_mx = verdict is not Verdict.NO_SERVER
    return MailServers(verdict, hosts[:MOST_HOSTS], best[:MOST_HOSTS], has_mx)


async def _implicit(domain: str, resolver: Resolver) -> MailServers:
    """Without MX records the domain's own address stands for one."""
    verdict = await _reachable((domain,), resolver)
    if verdict is Verdict.DELIVERABLE:
        return MailServers(verdict, (domain,), (domain,))
    return MailServers(verdict)


async def _reachable(hosts: tuple[str, ...], resolver: Resolver) -> Verdict:
    """Whether one of the first hosts has an address; unknown when some were not asked for."""
    certain = len(hosts) <= MOST_LOOKED_UP
    for host in hosts[:MOST_LOOKED_UP]:
        has_address = await _has_address(host, resolver)
        if has_address:
            return Verdict.DELIVERABLE
        certain = certain and has_address is not None
    return Verdict.NO_SERVER if certain else Verdict.UNKNOWN


async def _has_address(host: str, resolver: Resolver) -> bool | None:
    known = True
    for rdtype in ("A", "AAAA"):
        answer = await resolver.ask(host, rdtype)
        if answer.outcome is Outcome.RECORDS:
            return True
        known = known and answer.outcome is not Outcome.TEMPORARY
    return False if known else None
