"""SPF (RFC 7208): whether the client that delivered was allowed to use the envelope sender.

Evaluated by pyspf, whose DNS driver is replaced by ours: its own uses the search list, loses the
difference between an absent name and a failing server, and leaks other libraries' errors.
"""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import spf

from probes.check import NOT_EVALUABLE, Check, letter_of, not_evaluable
from probes.envelope import Envelope, read_envelope
from probes.observation import Finding, Severity
from probes.resolver import Answer, Inquiry, Outcome, Resolver, a_labels, once

if TYPE_CHECKING:
    from probes.observation import Specimen

NAME = "spf"
MAX_LOOKUPS = 10
MAX_VOID_LOOKUPS = 2
_RECORD = re.compile(rb"v=spf1( |$)", re.IGNORECASE)
_PASS_ALL = re.compile(r" \+?all( |$)", re.IGNORECASE)
_resolver: ContextVar[Resolver] = ContextVar("spf_resolver")


@dataclass(frozen=True, slots=True)
class SpfResult:
    """The result of one check_host() (RFC 7208 2.6), or "not evaluable".

    `domain` is the domain whose policy was asked. `term` is the one that matched. `lookups` and
    `void_lookups` count toward the limits of section 4.6.4. `failing` names what DNS did not
    answer.
    """

    status: str
    domain: str
    reason: str = ""
    records: tuple[str, ...] = ()
    term: str | None = None
    lookups: int = 0
    void_lookups: int = 0
    failing: tuple[str, ...] = field(default=())


def check_host(client_ip: str, sender: str, helo: str, resolver: Resolver) -> SpfResult:
    """Evaluate SPF; blocks for DNS, for at most two look-up time-outs. Raises nothing.

    `sender` is an address, or "" to evaluate the HELO identity (RFC 7208 2.3).
    """
    inquiry = resolver.inquiry()
    token = _resolver.set(inquiry)
    try:
        local, _, host = sender.rpartition("@")
        domain = _ascii_domain(host or helo)
        query = _Query(
            i=client_ip,
            s=f"{local}@{domain}" if sender else "",
            h=_ascii_domain(helo),
            querytime=2 * inquiry.timeout_s,
        )
        # pyspf cuts at the first @, which may belong to a quoted local part.
        query.l, query.o, query.d = local or "postmaster", domain, domain
        status, _, explanation = query.check()
    except spf.PermError as error:  # of the constructor: what it was given is no address
        return SpfResult(NOT_EVALUABLE, "", f"SPF cannot be evaluated: {error}")
    except Exception as error:  # noqa: BLE001 - pyspf leaks whatever a strange record provokes
        return SpfResult(NOT_EVALUABLE, "", f"SPF evaluation broke down: {type(error).__name__}")
    finally:
        _resolver.reset(token)
    return _result(status, explanation, domain, query, inquiry)


@once
async def spf_result(specimen: Specimen, resolver: Resolver) -> SpfResult:
    """SPF of the specimen's MAIL FROM, of HELO when that is null. Raises TooHostile."""
    envelope = read_envelope(await letter_of(specimen, resolver), specimen.trusted_hosts)
    if isinstance(envelope, str):
        return SpfResult(NOT_EVALUABLE, "", envelope)
    ip, sender, helo = envelope.client_ip, envelope.sender, envelope.helo
    return await asyncio.to_thread(check_host, ip, sender, helo, resolver)


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding; "not evaluable" when the provider left no believable trace of the envelope."""
    envelope = read_envelope(await letter_of(specimen, resolver), specimen.trusted_hosts)
    if isinstance(envelope, str):
        return (not_evaluable(NAME, envelope),)
    result = await spf_result(specimen, resolver)
    helo = await asyncio.to_thread(check_host, envelope.client_ip, "", envelope.helo, resolver)
    return (_finding(result, helo, envelope),)


CHECK = Check(NAME, examine)


class _Query(spf.query):  # type: ignore[misc] # pyspf ships no types
    """pyspf's query, whose "ptr" lets DNS errors pass as RFC 7208 5.5 asks."""

    def dns_ptr(self, i: str) -> list[str]:
        try:
            names: list[str] = super().dns_ptr(i)
        except spf.TempError:
            return []
        return names

    def validated_ptrs(self) -> list[str]:
        return [name for name in self.dns_ptr(self.i)[: spf.MAX_PTR] if self._leads_back(name)]

    def _leads_back(self, name: str) -> bool:
        try:
            return bool(self.cidrmatch(self.dns_a(name, self.A), self.cidrmax))
        except spf.TempError:
            return False


def _dns_lookup(name: str, qtype: str, _tcp: object, timeout: float) -> list[tuple[Any, Any]]:
    """Pyspf's driver: [((name, type), value)]; raises its TempError when DNS fails."""
    if qtype == "SPF" or not name.isascii():
        # RFC 7208 3.1 gave up type SPF; RFC 8616 4: a non-ASCII local part matches nothing.
        return []
    answer = _resolver.get().lookup(name, qtype, within_s=timeout)
    if answer.outcome is Outcome.TEMPORARY:
        raise spf.TempError(f"{qtype} of {name}: {answer.problem}")
    return [((name, qtype), value) for value in _values(answer)]


spf.DNSLookup = _dns_lookup


def _values(answer: Answer) -> tuple[Any, ...]:
    if answer.rdtype == "TXT":
        return tuple((text,) for text in answer.texts)
    if answer.rdtype == "MX":
        return answer.exchanges
    return answer.hosts if answer.rdtype == "PTR" else answer.addresses


def _ascii_domain(domain: str) -> str:
    # Only U-labels are converted: pyspf must see a malformed name as it was given.
    if domain.isascii():
        return domain
    try:
        return a_labels(domain)
    except ValueError:
        return domain


def _result(
    status: str,
    explanation: str,
    domain: str,
    query: Any,  # noqa: ANN401 - pyspf ships no types
    inquiry: Inquiry,
) -> SpfResult:
    texts = inquiry.lookup(domain, "TXT").texts if domain.isascii() and domain else ()
    failing = [a.name for a in inquiry.answers if a.outcome is Outcome.TEMPORARY]
    return SpfResult(
        status=status,
        domain=domain.lower(),
        reason=explanation if status in {"permerror", "temperror"} else "",
        records=tuple(t.decode("ascii", "replace") for t in texts if _RECORD.match(t)),
        term=query.mechanism,
        lookups=query.lookups,
        void_lookups=query.void_lookups,
        failing=tuple(failing) if status == "temperror" else (),
    )


_SENTENCES = {
    "pass": "{ip} may send for {domain} ({term}).",
    "fail": "{domain} forbids {ip} to send for it ({term}).",
    "softfail": "{domain} does not expect {ip} to send for it ({term}).",
    "neutral": "{domain} says nothing about {ip}.",
    "none": "{domain} publishes no SPF record.",
    "permerror": "The SPF record of {domain} cannot be evaluated: {reason}.",
    "temperror": "DNS did not answer while SPF of {domain} was evaluated: {reason}.",
    NOT_EVALUABLE: "{reason}.",
}
_UNLISTED = "Add the sending server's address, or its operator's include, to the SPF record."
_REMEDIES = {
    "fail": _UNLISTED,
    "softfail": _UNLISTED,
    "neutral": _UNLISTED,
    "none": "Publish an SPF record for the envelope sender's domain.",
    "temperror": "Look at the name servers of the domains in the SPF record.",
}
_SEVERITIES = {
    "pass": Severity.OK,
    "temperror": Severity.UNKNOWN,
    NOT_EVALUABLE: Severity.UNKNOWN,
}


def _finding(result: SpfResult, helo: SpfResult, envelope: Envelope) -> Finding:
    summary = _SENTENCES[result.status].format(
        ip=envelope.client_ip,
        domain=result.domain or "The sender",
        term=result.term or "no term matched",
        reason=result.reason.rstrip("."),
    )
    severity = _SEVERITIES.get(result.status, Severity.PROBLEM)
    remedy = _remedy(result)
    if severity is Severity.OK and remedy:
        severity = Severity.NOTICE
    return Finding(
        NAME, result.status, severity, summary, _evidence(result, helo, envelope), remedy
    )


def _remedy(result: SpfResult) -> str | None:
    if len(result.records) > 1:
        return "Merge the SPF records into one; two are an error (RFC 7208 4.5)."
    if result.status == "permerror":
        return _permanent_remedy(result)
    if result.status == "pass" and _passes_all(result):
        return "Replace +all: it allows the whole internet to send for the domain."
    if result.status == "pass" and result.lookups > MAX_LOOKUPS - 2:
        return "Remove includes that are not needed, before the limit of 10 look-ups is passed."
    return _REMEDIES.get(result.status)


def _permanent_remedy(result: SpfResult) -> str:
    if result.lookups > MAX_LOOKUPS:
        return "Remove includes until the record needs at most 10 DNS look-ups."
    if result.void_lookups > MAX_VOID_LOOKUPS:
        return "Remove the terms whose names do not exist any more."
    return "Correct the SPF record as the error says."


def _passes_all(result: SpfResult) -> bool:
    return any(_PASS_ALL.search(record) for record in result.records)


def _evidence(result: SpfResult, helo: SpfResult, envelope: Envelope) -> dict[str, Any]:
    return {
        "client_ip": envelope.client_ip,
        "helo": envelope.helo,
        "mail_from": envelope.sender,
        "identity": "mailfrom" if envelope.sender else "helo",
        "domain": result.domain,
        "records": list(result.records),
        "matched": result.term,
        "lookups": f"{result.lookups}/{MAX_LOOKUPS}",
        "void_lookups": f"{result.void_lookups}/{MAX_VOID_LOOKUPS}",
        "two_records": len(result.records) > 1,
        "passes_all": _passes_all(result),
        "helo_result": helo.status,
        "failing_names": list(result.failing),
        "said_by": envelope.hop.by,
    }
