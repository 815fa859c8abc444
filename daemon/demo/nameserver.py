"""An authoritative DNS stub over UDP whose records and faults change while it answers."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from typing import Self

_TTL = 0  # an act's change must be seen at once, through whatever cache the reader has
_STRING_LIMIT = 255  # octets in one character-string (RFC 1035 section 3.3)


class DnsFault(StrEnum):
    """What may go wrong with a name."""

    SERVFAIL = "servfail"
    TIMEOUT = "timeout"
    NXDOMAIN = "nxdomain"


class Zone:
    """Records of all names under the root, and the faults laid over them."""

    def __init__(self) -> None:
        self._records: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], tuple[str, ...]] = {}
        self._faults: dict[dns.name.Name, DnsFault] = {}

    def publish(self, name: str, kind: str, *values: str) -> None:
        """Replace the records of `name` and type `kind` ("MX"); TXT values are given unquoted."""
        key = (_name(name), dns.rdatatype.from_text(kind))
        self._records[key] = tuple(map(_quoted, values)) if kind == "TXT" else values

    def withdraw(self, name: str, kind: str) -> None:
        """Forget the records of `name` and type `kind`, if there are any."""
        self._records.pop((_name(name), dns.rdatatype.from_text(kind)), None)

    def fail(self, name: str, fault: DnsFault) -> None:
        """From now on answer every question about `name` (not below it) with `fault`."""
        self._faults[_name(name)] = fault

    def heal(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """The response to `query`, or None where the fault is silence."""
        question = query.question[0]
        fault = self._faults.get(question.name)
        if fault is DnsFault.TIMEOUT:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        if fault is DnsFault.SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif fault is DnsFault.NXDOMAIN or not self._exists(question.name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif values := self._records.get((question.name, question.rdtype)):
            response.answer.append(_rrset(question, values))
        return response

    def _exists(self, name: dns.name.Name) -> bool:
        """Whether there is a record at or below `name` (RFC 8020)."""
        return any(owner.is_subdomain(name) for owner, _ in self._records)


class Nameserver(asyncio.DatagramProtocol):
    """Serves one zone on 127.0.0.1 at an ephemeral port."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    @classmethod
    async def start(cls, zone: Zone) -> Self:
        """Bind and serve."""
        loop = asyncio.get_running_loop()
        _, server = await loop.create_datagram_endpoint(
            lambda: cls(zone), local_addr=("127.0.0.1", 0)
        )
        return server

    async def close(self) -> None:
        """Stop answering."""
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()

    @property
    def port(self) -> int:
        """The UDP port."""
        if self._transport is None:
            raise RuntimeError("the nameserver is not running")
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def resolver(self, lifetime_s: float = 2.0) -> dns.asyncresolver.Resolver:
        """A resolver that asks this server alone."""
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.port
        resolver.lifetime = lifetime_s
        return resolver

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        # no isinstance: before Python 3.12 asyncio's own transport is not of its own type
        self._transport = cast("asyncio.DatagramTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Part of asyncio's protocol."""
        self._closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question; a datagram that holds none is dropped."""
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        response = self.zone.answer(query) if query.question else None
        if response is not None and self._transport is not None:
            self._transport.sendto(response.to_wire(), addr)


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


def _rrset(question: dns.rrset.RRset, values: tuple[str, ...]) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(question.name, _TTL, question.rdclass, question.rdtype, values)


def _quoted(text: str) -> str:
    pieces = (text[i : i + _STRING_LIMIT] for i in range(0, len(text), _STRING_LIMIT))
    return " ".join(f'"{piece}"' for piece in pieces)
