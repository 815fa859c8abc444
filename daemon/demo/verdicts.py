"""What a receiving provider finds out about a message: SPF, DKIM, DMARC (RFC 7208, 6376, 9989).

Small and its own on purpose: were it the code of `probes.checks`, the receiver's verdict could
never disagree with ours. It reads only the SPF terms that the demo's zone publishes (`ip4`,
`all`), and takes the last two labels of a name for its organisational domain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import dkim
import dns.exception
import dns.resolver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dns.asyncresolver import Resolver

_QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TAGS = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;]*)", re.IGNORECASE)


class _TemporaryFailure(Exception):  # noqa: N818 - becomes the word "temperror"
    """The DNS did not answer."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who delivered: its address and the name in its EHLO."""

    address: str
    helo: str


@dataclass(frozen=True, slots=True)
class Signature:
    """The outcome of one DKIM signature: pass, fail, permerror or temperror."""

    domain: str
    selector: str
    result: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All results for one message, in the words of RFC 8601; `policy` is DMARC's published `p`."""

    mail_from: str
    header_from: str
    spf: str
    signatures: tuple[Signature, ...]
    dmarc: str
    policy: str

    def header(self, authserv_id: str) -> str:
        """The Authentication-Results field, folded, ending in CRLF (RFC 8601 section 2.2)."""
        results = [
            f"spf={self.spf} smtp.mailfrom={self.mail_from}",
            *(
                f"dkim={signature.result} header.d={signature.domain} header.s={signature.selector}"
                for signature in self.signatures
            ),
            f"dmarc={self.dmarc} (p={self.policy}) header.from={self.header_from}",
        ]
        if not self.signatures:
            results.insert(1, "dkim=none")
        return ";\r\n\t".join([f"Authentication-Results: {authserv_id}", *results]) + "\r\n"


async def judge(message: bytes, client: Client, mail_from: str, resolver: Resolver) -> Verdicts:
    """Examine `message` (CRLF line ends) as received from `client` for `mail_from`."""
    header_from = _from_domain(message)
    spf_domain = mail_from.rpartition("@")[2] or client.helo
    spf = await _spf(spf_domain, client.address, resolver)
    signatures = tuple([await _verify(message, *key, resolver) for key in _keys(message)])
    passed = [signature.domain for signature in signatures if signature.result == "pass"]
    aligned = [*passed, *([spf_domain] if spf == "pass" else [])]
    dmarc, policy = await _dmarc(header_from, aligned, resolver)
    return Verdicts(mail_from or spf_domain, header_from, spf, signatures, dmarc, policy)


async def _spf(domain: str, address: str, resolver: Resolver) -> str:
    try:
        records = await _texts(domain, "v=spf1", resolver)
    except _TemporaryFailure:
        return "temperror"
    if len(records) != 1:
        return "permerror" if records else "none"
    for term in records[0].split()[1:]:
        qualifier, mechanism = (term[0], term[1:]) if term[0] in _QUALIFIERS else ("+", term)
        if _covers(mechanism, address):
            return _QUALIFIERS[qualifier]
    return "neutral"


def _covers(mechanism: str, address: str) -> bool:
    if mechanism == "all":
        return True
    name, _, network = mechanism.partition(":")
    return name == "ip4" and ip_address(address) in ip_network(network)


def _keys(message: bytes) -> Iterable[tuple[int, str, str]]:
    """Index, domain and selector of every signature, topmost first."""
    fields = BytesHeaderParser().parsebytes(message).get_all("DKIM-Signature", [])
    for index, value in enumerate(fields):
        tags = {name.lower(): "".join(text.split()) for name, text in _TAGS.findall(value)}
        yield index, tags.get("d", ""), tags.get("s", "")


async def _verify(
    message: bytes, index: int, domain: str, selector: str, resolver: Resolver
) -> Signature:
    try:
        keys = await _texts(f"{selector}._domainkey.{domain}", "", resolver)
    except _TemporaryFailure:
        return Signature(domain, selector, "temperror")
    if not keys:
        return Signature(domain, selector, "permerror")
    try:
        key = keys[0].encode()
        good = dkim.DKIM(message).verify(idx=index, dnsfunc=lambda _, timeout: key)  # noqa: ARG005 - dkimpy's signature
    except dkim.DKIMException:
        good = False
    return Signature(domain, selector, "pass" if good else "fail")


async def _dmarc(
    header_from: str, authenticated: Iterable[str], resolver: Resolver
) -> tuple[str, str]:
    """The DMARC result and the policy published for it ("none" where there is no record)."""
    try:
        exact = await _texts(f"_dmarc.{header_from}", "v=DMARC1", resolver)
        organisation = await _texts(f"_dmarc.{_organisation(header_from)}", "v=DMARC1", resolver)
    except _TemporaryFailure:
        return "temperror", "none"
    records = exact or organisation
    if not records:
        return "none", "none"
    policy = dict(_TAGS.findall(records[0])).get("p", "none").strip()
    ours = _organisation(header_from)
    aligned = any(_organisation(domain) == ours for domain in authenticated)
    return ("pass" if aligned else "fail"), policy


async def _texts(name: str, prefix: str, resolver: Resolver) -> list[str]:
    """The TXT records of `name` that begin with `prefix`."""
    try:
        answer = await resolver.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise _TemporaryFailure(name) from error
    texts = (b"".join(record.strings).decode("ascii", "replace") for record in answer)
    return [text for text in texts if text.startswith(prefix)]


def _organisation(domain: str) -> str:
    return ".".join(domain.lower().rsplit(".", 2)[-2:])


def _from_domain(message: bytes) -> str:
    value = BytesHeaderParser().parsebytes(message).get("From", "")
    return parseaddr(str(value))[1].rpartition("@")[2].lower()
