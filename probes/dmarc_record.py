"""DMARC policy records and where they stand: RFC 9989's tree walk, RFC 7489's two places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.public_suffix import organizational_domain
from probes.resolver import Outcome

if TYPE_CHECKING:
    from probes.resolver import Resolver

POLICIES = ("none", "quarantine", "reject")
MAX_QUERIES = 8
_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_REPORT_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s,;]+")


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A record at `_dmarc.<domain>`; `tags` are as published, tag names in lower case."""

    domain: str
    text: str
    tags: dict[str, str]

    @property
    def psd(self) -> str:
        """`y`, `n` or `u` (RFC 9989): whether the domain is a public suffix domain."""
        psd = self.tags.get("psd", "u").lower()
        return psd if psd in {"y", "n"} else "u"

    @property
    def testing(self) -> bool:
        """The tag t=y (RFC 9989): the policy is to be applied one step milder."""
        return self.tags.get("t", "n").lower() == "y"

    def strict(self, identifier: str) -> bool:
        """Whether `identifier`, "dkim" or "spf", must match exactly (adkim=s, aspf=s)."""
        return self.tags.get(f"a{identifier}", "r").lower() == "s"

    def policy(self, *, own: bool, exists: bool = True, with_np: bool = True) -> str | None:
        """The policy for mail of the record's `own` domain, or of a domain below it.

        A malformed p, sp or np counts as none where reports are asked for; otherwise None: DMARC
        does not apply (RFC 9989 4.10.1). Without `with_np` the record is read as RFC 7489 reads
        it: np is unknown, and an absent p is malformed, where RFC 9989 4.7 takes it for none.
        """
        if not self._well_formed(with_np=with_np):
            return "none" if _REPORT_URI.search(self.tags.get("rua", "")) else None
        below = [self._named("np")] if with_np and not exists else []
        preferred = [] if own else [*below, self._named("sp")]
        return next((policy for policy in (*preferred, self._named("p")) if policy), "none")

    def _well_formed(self, *, with_np: bool) -> bool:
        optional = (*POLICIES, None)
        if with_np:
            return all(self._named(name) in optional for name in ("p", "sp", "np"))
        return self._named("p") in POLICIES and self._named("sp") in optional

    def _named(self, tag: str) -> str | None:
        value = self.tags.get(tag)
        return None if value is None else value.lower()


@dataclass(frozen=True, slots=True)
class Walk:
    """The records met on the way up from `start`, longest name first; `failed` when DNS did."""

    start: str
    records: tuple[DmarcRecord, ...]
    queries: int
    failed: str | None = None

    @property
    def organizational_domain(self) -> str:
        """RFC 9989 4.10.2: where the topmost record stands, or below it when it says psd=y.

        A walk ends at psd=n and psd=y, so such a record is always the topmost.
        """
        if not self.records:
            return self.start
        top = self.records[-1]
        if top.psd != "y" or top.domain == self.start:
            return top.domain
        below = self.start.removesuffix(f".{top.domain}").rpartition(".")[2]
        return f"{below}.{top.domain}"

    @property
    def record(self) -> DmarcRecord | None:
        """The record that applies to mail of `start` (RFC 9989 4.10.1).

        The author domain's own, else the organizational domain's, else the suffix operator's.
        """
        at = {record.domain: record for record in self.records}
        suffix = next((record for record in self.records if record.psd == "y"), None)
        return at.get(self.start) or at.get(self.organizational_domain) or suffix


def parse_record(domain: str, text: str) -> DmarcRecord | None:
    """The record in `text`, or None when it does not begin with v=DMARC1.

    Anything malformed behind that is ignored, tag by tag (RFC 9989 4.7); a tag's first use counts.
    """
    if not _VERSION.match(text):
        return None
    tags: dict[str, str] = {}
    for spec in text.split(";"):
        name, equals, value = spec.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return DmarcRecord(domain, text, tags)


async def find_record(domain: str, resolver: Resolver) -> DmarcRecord | str | None:
    """The one record at `domain`; None when there is none or several, a str when DNS failed."""
    answer = await resolver.ask(f"_dmarc.{domain}", "TXT")
    if answer.outcome is Outcome.TEMPORARY:
        return f"{answer.name}: {answer.problem}"
    texts = (text.decode("utf-8", "replace") for text in answer.texts)
    records = [record for text in texts if (record := parse_record(domain, text))]
    return records[0] if len(records) == 1 else None


async def tree_walk(start: str, resolver: Resolver) -> Walk:
    """Walk up from `start` (RFC 9989 4.10): at most eight questions, ended by psd=y or psd=n."""
    records: list[DmarcRecord] = []
    queries = 0
    for queries, domain in enumerate(walk_names(start), start=1):
        found = await find_record(domain, resolver)
        if isinstance(found, str):
            return Walk(start, tuple(records), queries, failed=found)
        if found:
            records.append(found)
            if found.psd != "u":
                break
    return Walk(start, tuple(records), queries)


def walk_names(start: str) -> tuple[str, ...]:
    """The domains asked in turn: `start`, then at most its last seven labels and upwards."""
    labels = start.split(".")
    first_parent = max(1, len(labels) - (MAX_QUERIES - 1))
    return (start, *(".".join(labels[at:]) for at in range(first_parent, len(labels))))


async def suffix_list_record(domain: str, resolver: Resolver) -> DmarcRecord | str | None:
    """The record by RFC 7489 6.6.3: at the domain, else at its organizational domain."""
    own = await find_record(domain, resolver)
    above = organizational_domain(domain)
    return own if own or above == domain else await find_record(above, resolver)
