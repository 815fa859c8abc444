"""DNS look-ups whose outcome is never lost: found, absent, empty and failing stay apart."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dns.rdata import Rdata

    from probes.observation import Specimen

Result = TypeVar("Result")


class Outcome(StrEnum):
    """What became of one question."""

    RECORDS = "records"
    NXDOMAIN = "nxdomain"
    """The name does not exist (RFC 8020), or can be no name at all."""
    NO_DATA = "no data"
    """The name exists, without a record of this type."""
    TEMPORARY = "temporary"
    """Nobody answered in time, or every answer was a failure: says nothing about the name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question, CNAMEs followed; `problem` words a temporary failure."""

    name: str
    rdtype: str
    outcome: Outcome
    records: tuple[Rdata, ...] = ()
    problem: str | None = None

    @property
    def texts(self) -> tuple[bytes, ...]:
        """Each TXT record, its strings joined without a gap (RFC 6376 3.6.2.2, RFC 7208 3.3)."""
        return tuple(b"".join(record.strings) for record in self._of(dns.rdatatype.TXT))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of A and AAAA records."""
        found = (*self._of(dns.rdatatype.A), *self._of(dns.rdatatype.AAAA))
        return tuple(record.address for record in found)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The targets of PTR and CNAME records, without the final dot."""
        found = (*self._of(dns.rdatatype.PTR), *self._of(dns.rdatatype.CNAME))
        return tuple(record.target.to_text(omit_final_dot=True) for record in found)

    @property
    def exchanges(self) -> tuple[tuple[int, str], ...]:
        """Preference and host of each MX record, without the final dot."""
        found = self._of(dns.rdatatype.MX)
        return tuple((mx.preference, mx.exchange.to_text(omit_final_dot=True)) for mx in found)

    def _of(self, rdtype: dns.rdatatype.RdataType) -> list[Any]:
        return [record for record in self.records if record.rdtype == rdtype]


class Resolver:
    """Asks the given name servers, or the system's when `nameservers` is empty.

    `timeout_s` bounds one look-up in all, retries included. Names are absolute: the system's
    search list is never used. Nothing is cached; `inquiry` gives a view that remembers.
    """

    def __init__(
        self, nameservers: Sequence[str] = (), port: int = 53, timeout_s: float = 5.0
    ) -> None:
        self.nameservers = tuple(nameservers)
        self.port = port
        self.timeout_s = timeout_s
        self._stub = _stub_resolver(self.nameservers, port, timeout_s)

    def lookup(self, name: str, rdtype: str, within_s: float | None = None) -> Answer:
        """Ask for `name` and block for at most `timeout_s`, or `within_s` when that is less.

        Raises nothing: whatever goes wrong is the answer's outcome.
        """
        lifetime = min(self.timeout_s, self.timeout_s if within_s is None else within_s)
        try:
            absolute = _absolute(name)
        except (dns.exception.DNSException, UnicodeError):
            return Answer(name, rdtype, Outcome.NXDOMAIN)
        try:
            found = self._stub.resolve(absolute, rdtype, lifetime=max(lifetime, 0.001))
        except dns.resolver.NXDOMAIN:
            return Answer(name, rdtype, Outcome.NXDOMAIN)
        except dns.resolver.NoAnswer:
            return Answer(name, rdtype, Outcome.NO_DATA)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            return Answer(name, rdtype, Outcome.TEMPORARY, problem=_wording(error))
        return Answer(name, rdtype, Outcome.RECORDS, tuple(found))

    async def ask(self, name: str, rdtype: str) -> Answer:
        """Ask as `lookup` does, without blocking the event loop."""
        return await asyncio.to_thread(self.lookup, name, rdtype)

    def inquiry(self) -> Inquiry:
        """A view of the same name servers for the examination of one message."""
        return Inquiry(self)


class Inquiry(Resolver):
    """The look-ups of one examination: each question is asked once, each outcome is kept.

    All of them together end within twice `timeout_s` of the start; a question asked later is
    answered as temporary, so that a message pointing at dead name servers cannot hold a worker.
    """

    def __init__(self, resolver: Resolver) -> None:
        super().__init__(resolver.nameservers, resolver.port, resolver.timeout_s)
        self._answers: dict[tuple[str, str], Future[Answer]] = {}
        self._noting = threading.Lock()
        self._deadline = time.monotonic() + 2 * resolver.timeout_s
        self.results: dict[Any, asyncio.Future[Any]] = {}

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every answer so far, in the order of the questions."""
        return tuple(future.result() for future in self._answers.values() if future.done())

    def lookup(self, name: str, rdtype: str, within_s: float | None = None) -> Answer:
        """Ask, or repeat what was answered; a question under way is waited for, not repeated."""
        question = (name.lower().rstrip("."), rdtype)
        with self._noting:
            known = self._answers.get(question)
            answer = known or self._answers.setdefault(question, Future())
        if known is None:
            answer.set_result(self._ask_in_time(name, rdtype, within_s))
        return answer.result()

    def inquiry(self) -> Inquiry:
        """Itself: an examination has one memory."""
        return self

    def _ask_in_time(self, name: str, rdtype: str, within_s: float | None) -> Answer:
        left = self._deadline - time.monotonic()
        if left <= 0:
            problem = "the time for DNS in this examination was used up"
            return Answer(name, rdtype, Outcome.TEMPORARY, problem=problem)
        return super().lookup(name, rdtype, left if within_s is None else min(left, within_s))


def once(
    compute: Callable[[Specimen, Resolver], Awaitable[Result]],
) -> Callable[[Specimen, Resolver], Awaitable[Result]]:
    """Share one computation among the checks of an examination (where the resolver remembers)."""

    @functools.wraps(compute)
    async def shared(specimen: Specimen, resolver: Resolver) -> Result:
        if not isinstance(resolver, Inquiry):
            return await compute(specimen, resolver)
        key = (compute, specimen)
        if key not in resolver.results:
            resolver.results[key] = asyncio.ensure_future(compute(specimen, resolver))
        result: Result = await resolver.results[key]
        return result

    return shared


def reverse_name(address: str) -> str:
    """The name whose PTR records describe `address`; raises ValueError when it is none."""
    try:
        return dns.reversename.from_address(address).to_text()
    except dns.exception.SyntaxError as error:
        raise ValueError(f"{address!r} is no IP address") from error


def a_labels(domain: str) -> str:
    """`domain` in lower case, U-labels as A-labels (RFC 5891); ValueError when it is no name."""
    try:
        return _absolute(domain).to_text(omit_final_dot=True).lower()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{domain!r} is no domain name") from error


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name.rstrip(".") or ".", idna_codec=dns.name.IDNA_2003)


def _stub_resolver(
    nameservers: tuple[str, ...], port: int, timeout_s: float
) -> dns.resolver.Resolver:
    try:
        stub = dns.resolver.Resolver(configure=not nameservers)
    except dns.resolver.NoResolverConfiguration:
        # Without a resolv.conf every look-up fails as temporary, which says so per finding.
        stub = dns.resolver.Resolver(configure=False)
    if nameservers:
        stub.nameservers = list(nameservers)
        stub.port = port
    stub.lifetime = timeout_s
    stub.timeout = min(2.0, timeout_s)
    stub.use_edns(0, 0, 1232)
    return stub


def _wording(error: Exception) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "every name server failed (SERVFAIL or refused)"
    return f"{type(error).__name__}: {error}"[:200]
