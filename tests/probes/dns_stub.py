"""A small authoritative DNS server on a loopback UDP port, with the faults that DNS has."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probes.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

MAX_STRING = 255
MAX_CHAIN = 8


class DnsStub:
    """Answers from `add`ed records; unknown names are NXDOMAIN, unknown types are empty.

    Names in `servfail` fail, names in `silent` are never answered; both also work while it runs.
    `questions` lists what was asked, as (name, type).
    """

    def __init__(self) -> None:
        self.servfail: set[str] = set()
        self.silent: set[str] = set()
        self.questions: list[tuple[str, str]] = []
        self._records: dict[tuple[str, str], list[dns.rdata.Rdata]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # An empty datagram ends the loop; closing a socket under recvfrom would not.
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def resolver(self, timeout_s: float = 2.0) -> Resolver:
        return Resolver(["127.0.0.1"], self.port, timeout_s)

    def add(self, name: str, rdtype: str, *values: str | bytes | Sequence[bytes]) -> None:
        """Add records: TXT from bytes or text (cut into strings) or from a list of strings."""
        for value in values:
            if rdtype == "TXT":
                rdata = _txt(value)
            else:
                rdata = dns.rdata.from_text(
                    "IN", rdtype, str(value), origin=dns.name.root, relativize=False
                )
            self._records.setdefault((_key(name), rdtype), []).append(rdata)

    def remove(self, name: str, rdtype: str) -> None:
        self._records.pop((_key(name), rdtype), None)

    def _serve(self) -> None:
        while True:
            datagram, client = self._socket.recvfrom(65535)
            if not datagram:
                return
            try:
                query = dns.message.from_wire(datagram)
            except dns.exception.DNSException:
                continue
            response = self._respond(query)
            if response is not None:
                self._socket.sendto(response.to_wire(max_size=65535), client)

    def _respond(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, rdtype = _key(question.name.to_text()), dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, rdtype))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        if name in self.silent:
            return None
        if name in self.servfail:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        self._answer(response, name, rdtype)
        return response

    def _answer(self, response: dns.message.Message, name: str, rdtype: str) -> None:
        for _ in range(MAX_CHAIN):
            alias = self._records.get((name, "CNAME"))
            if not alias or rdtype == "CNAME":
                break
            response.answer.append(_rrset(name, alias))
            name = _key(alias[0].to_text())
        found = self._records.get((name, rdtype))
        if found:
            response.answer.append(_rrset(name, found))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self._records):
            response.set_rcode(dns.rcode.NXDOMAIN)


def _key(name: str) -> str:
    # Through dnspython, so that both sides escape unusual characters alike.
    return dns.name.from_text(name).to_text(omit_final_dot=True).lower()


def _rrset(name: str, records: list[dns.rdata.Rdata]) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(dns.name.from_text(name), 60, records)


def _txt(value: str | bytes | Sequence[bytes]) -> dns.rdata.Rdata:
    text = value.encode() if isinstance(value, str) else value
    if isinstance(text, bytes):
        text = [text[at : at + MAX_STRING] for at in range(0, len(text), MAX_STRING)]
    text = text or [b""]
    wire = b"".join(bytes([len(part)]) + part for part in text)
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.TXT, wire, 0, len(wire))
