"""Puts together what is known of an address: pure, and in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.address import LONGEST_ADDRESS, AddressError, check_address
from probes.addressee.hints import is_disposable, is_role
from probes.addressee.providers import PROVIDERS, of_domain, of_exchanger
from probes.addressee.typing_errors import suggest
from probes.addressee.verdict import Addressee, ProviderBy, Verdict

if TYPE_CHECKING:
    from probes.addressee.mail_servers import MailServers

_SENTENCES = {
    Verdict.DELIVERABLE: "{domain} takes mail{at}; only its server knows whether {address} exists.",
    Verdict.NO_DOMAIN: "There is no domain {domain}.",
    Verdict.NULL_MX: "{domain} says that it takes no mail (null MX).",
    Verdict.NO_SERVER: "{domain} has no mail server.",
    Verdict.UNKNOWN: "DNS gave no answer about {domain}, which says nothing about the address.",
}
_STRAY = " \t\r\n\u00a0.,;:@<>()[]'\""
_ASK = "Ask the customer for another address."


def malformed(address: str, error: AddressError) -> Addressee:
    """Of a text that is no address: what is wrong, and what was probably meant."""
    meant = _repaired(address)
    return Addressee(
        address=address[:LONGEST_ADDRESS],
        provider=None,
        provider_by=None,
        mx=(),
        verdict=Verdict.SYNTAX,
        suggestion=meant,
        disposable=False,
        role=False,
        sentence=str(error),
        remedy=f"Ask the customer whether the part behind the @ is {meant}." if meant else _ASK,
    )


def judged(typed: str, address: str, servers: MailServers) -> Addressee:
    """Of the checked `address`, `typed` as it was given, whose domain has these servers."""
    local_part, _, domain = address.rpartition("@")
    provider, by = recognised(domain, servers)
    meant = suggest(typed.rpartition("@")[2], servers.has_mx)
    return Addressee(
        address=address,
        provider=provider,
        provider_by=by,
        mx=servers.hosts,
        verdict=servers.verdict,
        suggestion=meant,
        disposable=is_disposable(domain),
        role=is_role(local_part),
        sentence=_sentence(address, servers.verdict, provider, meant),
        remedy=_remedy(local_part, servers.verdict, meant),
    )


def recognised(domain: str, servers: MailServers) -> tuple[str | None, ProviderBy | None]:
    """Who runs the mailbox: the best mail exchanger says so, else the domain.

    The exchanger comes first because addresses outlive their providers: cox.net and comcast.net
    are moving to Yahoo, and a domain is anybody's once its MX says so.
    """
    given_out_by = of_domain(domain)
    taken_by = next(filter(None, map(of_exchanger, servers.best)), None)
    if taken_by and taken_by != given_out_by:
        return taken_by, ProviderBy.MX
    return given_out_by, ProviderBy.DOMAIN if given_out_by else None


def _repaired(address: str) -> str | None:
    """The domain of a text that is no address, when it is one but for its punctuation."""
    domain = address[:LONGEST_ADDRESS].partition("@")[2]
    meant = suggest(domain, has_mx=None) or domain.strip(_STRAY)
    try:
        repaired = check_address(f"x@{meant}").partition("@")[2]
    except AddressError:
        return None
    return None if meant == domain else repaired


def _sentence(address: str, verdict: Verdict, provider: str | None, meant: str | None) -> str:
    domain = address.rpartition("@")[2]
    if verdict is Verdict.DELIVERABLE and meant:
        return f"{domain} is probably a typing error of {meant}, although it takes mail."
    at = f" at {PROVIDERS[provider].title}" if provider else ""
    return _SENTENCES[verdict].format(domain=domain, address=address, at=at)


def _remedy(local_part: str, verdict: Verdict, meant: str | None) -> str | None:
    if meant:
        return f"Ask the customer whether {local_part}@{meant} is meant."
    return None if verdict in {Verdict.DELIVERABLE, Verdict.UNKNOWN} else _ASK
