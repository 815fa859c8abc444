"""Received fields (RFC 5321 4.4), and the one among them where the provider took the mail in.

Anybody can write a Received field. Fields are only ever added on top, so those that the mailbox's
own provider wrote stand above all others: reading goes down from the top, field by field, and
ends where the provider received from outside. Nothing below is believed.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.letter import Field, Letter

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CLAUSES = frozenset({"from", "by", "via", "with", "id", "for"})
_BRACKETED = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{3,45})\]", re.IGNORECASE)
_GREETING = re.compile(r"(?:\b(?:EHLO|HELO)\s+|\bhelo=)([^\s()\[\]]{1,255})", re.IGNORECASE)
_DATE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Hop:
    """What one Received field says.

    `by` and `helo` are lower case without a final dot. `client_name` is the name that the
    receiving host found for the client's address, None when it shows none. `protocol` is the
    text after "with". `remarks` holds the field's comments.
    """

    by: str
    client_ip: str | None
    helo: str | None
    client_name: str | None
    protocol: str
    at: datetime | None
    remarks: tuple[str, ...] = ()
    index: int = 0
    """The field's place among all header fields, 0 the topmost."""
    by_ip: str | None = None
    has_from: bool = True

    @property
    def is_submission(self) -> bool:
        """Whether the client logged in (ESMTPA, ESMTPSA; RFC 3848): an author, not a relay."""
        return any(word.endswith(("SMTPA", "SMTPSA")) for word in self.protocol.upper().split())


def is_trusted(host: str | None, trusted_hosts: Sequence[str]) -> bool:
    """Whether `host` is one of the trusted names or lies below one."""
    name = (host or "").lower().rstrip(".")
    suffixes = (trusted.lower().strip(".") for trusted in trusted_hosts)
    return any(name == suffix or name.endswith(f".{suffix}") for suffix in suffixes if suffix)


def trusted_hop(letter: Letter, trusted_hosts: Sequence[str]) -> Hop | None:
    """The hop by which the provider took the message in from outside.

    Mail from the provider to itself has no such hop: then it is the one between its hosts that
    shows a confirmed name and a public address, as its own SPF check sees it. None when no
    believable field shows it: the topmost are not the provider's, or a client calls itself by
    the provider's name and nothing confirms it.
    """
    handed_on: Hop | None = None
    for hop, place in _walk(letter, trusted_hosts):
        if place is _Place.DOUBTFUL:
            return None
        if place is _Place.EDGE and not hop.is_submission:
            return hop
        if is_trusted(hop.client_name, trusted_hosts) and _is_public(hop.client_ip):
            handed_on = hop
    return handed_on


def received_at(letter: Letter, trusted_hosts: Sequence[str]) -> datetime | None:
    """When the provider had the message: the time of its topmost trusted Received field."""
    own = (
        hop
        for hop, place in _walk(letter, trusted_hosts)
        if place is _Place.EDGE or is_trusted(hop.by, trusted_hosts)
    )
    return next((hop.at for hop in own if hop.at), None)


def parse_received(field: Field, index: int = 0) -> Hop:
    """Read one Received field; what it does not say is None or empty. Raises nothing."""
    text, _, date = field.value.rpartition(";")
    clauses = _clauses(text or field.value)
    words, remarks = clauses.get("from", ([], []))
    by_words, by_remarks = clauses.get("by", ([], []))
    helo, client_name = _names(words, remarks)
    return Hop(
        by=_host(by_words[0]) if by_words else "",
        client_ip=_address(words, remarks),
        helo=helo,
        client_name=client_name,
        protocol=" ".join(clauses.get("with", ([], []))[0]),
        at=_instant(date),
        remarks=tuple(remark for _, found in clauses.values() for remark in found),
        index=index,
        by_ip=_address(by_words, by_remarks),
        has_from="from" in clauses,
    )


class _Place(Enum):
    INSIDE = "handed on within the provider"
    EDGE = "taken in from outside"
    DOUBTFUL = "not to be believed, nor anything below"


def _walk(letter: Letter, trusted_hosts: Sequence[str]) -> Iterator[tuple[Hop, _Place]]:
    """The believable hops from the top down, the edge last."""
    fields = [(index, f) for index, f in enumerate(letter.fields) if f.name == "received"]
    for depth, (index, field) in enumerate(fields):
        hop = parse_received(field, index)
        place = _place(hop, trusted_hosts)
        if depth == 0 and _is_vouched_for(hop, letter, trusted_hosts):
            place = _Place.EDGE
        if place is _Place.DOUBTFUL and not is_trusted(hop.by, trusted_hosts):
            return
        yield hop, place
        if place is not _Place.INSIDE:
            return


def _is_vouched_for(hop: Hop, letter: Letter, trusted_hosts: Sequence[str]) -> bool:
    """Whether a host without a name (Yahoo's show a private address) is the provider's after all.

    Then an Authentication-Results by the provider stands above the topmost Received field, where
    nobody but the provider can write.
    """
    if not hop.client_ip or not is_literal(hop.by) or _is_public(hop.by):
        return False
    above = (f for f in letter.fields[: hop.index] if f.name == "authentication-results")
    return any(is_trusted(f.value.partition(";")[0].split(" ")[0], trusted_hosts) for f in above)


def _place(hop: Hop, trusted_hosts: Sequence[str]) -> _Place:
    # Handed on without a client (Gmail's own first field), or by LMTP, which no host of the
    # outside speaks to a provider.
    if not hop.has_from or "LMTP" in hop.protocol.upper():
        return _Place.INSIDE
    if not is_trusted(hop.by, trusted_hosts):
        return _Place.DOUBTFUL
    if is_trusted(hop.client_name, trusted_hosts):
        return _Place.INSIDE
    if hop.client_name is None and is_trusted(hop.helo, trusted_hosts):
        return _Place.INSIDE if _neighbours(hop) else _Place.DOUBTFUL
    return _Place.EDGE if hop.client_ip else _Place.DOUBTFUL


def _neighbours(hop: Hop) -> bool:
    """Whether client and host are on one private network, or in one IPv6 allocation (/32).

    The name a client gives itself proves nothing; Microsoft's inner hops show no other name, and
    only their addresses tell them from a stranger who borrows one.
    """
    if hop.client_ip is None:
        return True
    client = ipaddress.ip_address(hop.client_ip)
    if client.is_private:
        return True
    host = ipaddress.ip_address(hop.by_ip) if hop.by_ip else None
    return client.version == 6 and host is not None and _allocation(host) == _allocation(client)


def _allocation(address: Address) -> tuple[int, bytes]:
    return address.version, address.packed[:4]


def _clauses(text: str) -> dict[str, tuple[list[str], list[str]]]:
    """Each clause's words and the comments behind them; only a clause's first use counts."""
    clauses: dict[str, tuple[list[str], list[str]]] = {}
    current: tuple[list[str], list[str]] = ([], [])
    for token, is_comment in _tokens(text):
        if is_comment:
            current[1].append(token)
        elif token.lower() in _CLAUSES and token.lower() not in clauses:
            current = clauses.setdefault(token.lower(), ([], []))
        else:
            current[0].append(token)
    return clauses


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Words and whole comments (nested ones flat), in one pass over the text."""
    start = depth = 0
    for at, character in enumerate(text):
        if character == "(":
            if depth == 0:
                yield from ((word, False) for word in text[start:at].split())
                start = at + 1
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            if depth == 0:
                yield text[start:at], True
                start = at + 1
    if depth == 0:
        yield from ((word, False) for word in text[start:].split())


def _address(words: list[str], remarks: list[str]) -> str | None:
    """The address in brackets (Postfix, Gmail), else bare in a comment (Microsoft) or as word."""
    bracketed = [_BRACKETED.search(text) for text in (*remarks, *words[:1])]
    candidates = [match[1] for match in bracketed if match]
    return next(filter(None, map(_ip, (*candidates, *remarks, *words[:1]))), None)


def _names(words: list[str], remarks: list[str]) -> tuple[str | None, str | None]:
    """The name that the client gave (HELO), and the one found for its address."""
    first = _host(words[0]) if words else None
    greetings = [match[1] for match in map(_GREETING.search, remarks) if match]
    if greetings:
        return _host(greetings[0]), first if first and not is_literal(first) else None
    shown = [text.split("[")[0].strip() for text in remarks if _BRACKETED.search(text)]
    name = next((_host(text) for text in shown if text and " " not in text), None)
    return first, name


def _is_public(address: str | None) -> bool:
    return address is not None and ipaddress.ip_address(address).is_global


def _host(word: str) -> str:
    return word.lower().rstrip(".;,")


def is_literal(word: str) -> bool:
    """Whether `word` is an IP address, in brackets or bare."""
    return _ip(word.strip("[]")) is not None


def _ip(text: str) -> str | None:
    try:
        # A zone ("fe80::1%eth0") means something to its own host only.
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _instant(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text.strip()[:_DATE_LENGTH])
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
