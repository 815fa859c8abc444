"""What to do next, the most telling finding first."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from daemon.alerts.story import Cause, Effect, OtherRoutes, Story
from probes.observation import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MOST = 4


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do: `word` names its sentence, `values` are the names in it.

    `record` is a line of DNS to copy, `url` a page to open.
    """

    word: str
    values: Mapping[str, str] = field(default_factory=dict)
    record: str | None = None
    url: str | None = None


def advise(story: Story) -> tuple[Advice, ...]:
    """At most four things to do, in order; never empty."""
    if story.cause is Cause.PROVIDER:
        return (Advice("wait", {"provider": story.provider}),)
    if story.cause is Cause.SEED:
        word = "seed_learned" if story.effect is Effect.SPAM else "seed_login"
        return (Advice(word, {"seed": story.seed or story.provider}),)
    if story.cause is Cause.HELD:
        return (Advice("decide"),)
    found = [*_from_findings(story), *_from_cause(story)]
    if not found:
        found = [Advice("slow_down", {"route": story.route})]
    if story.other_routes is OtherRoutes.LAND:
        found = [*found[: MOST - 1], Advice("other_route")]
    return tuple(found[:MOST])


def _from_findings(story: Story) -> Iterator[Advice]:
    problems = [f for f in story.findings if f.severity is Severity.PROBLEM]
    for check, read in _READERS.items():
        seen: set[str] = set()
        for finding in problems:
            advice = read(finding) if finding.check == check else None
            if advice and str(advice) not in seen:
                seen.add(str(advice))
                yield advice


def _from_cause(story: Story) -> Iterator[Advice]:
    if story.cause is Cause.CONTENT:
        yield Advice("content")
    if story.cause is Cause.REFUSED and not _has(story, "submission"):
        yield Advice("ask_relay", {"route": story.route})
    if story.cause is Cause.AUTHENTICATION and not _has(story, "dkim", "spf", "dmarc"):
        yield Advice("ask_signer", {"route": story.route})
    if story.cause is Cause.BLOCKLIST:
        yield Advice("slow_down", {"route": story.route})


def _has(story: Story, *checks: str) -> bool:
    return any(f.check in checks and f.severity is Severity.PROBLEM for f in story.findings)


def _text(finding: Finding, key: str) -> str:
    value = finding.evidence.get(key)
    return value if isinstance(value, str) else ""


def _dkim(finding: Finding) -> Advice | None:
    domain, selector = _text(finding, "d"), _text(finding, "s")
    failed = finding.evidence.get("failed") or ()
    if finding.status == "none":
        return Advice("dkim_sign")
    if "body hash" in failed or "body length" in failed:
        return Advice("dkim_changed", {"domain": domain})
    if "key too weak" in failed:
        return Advice("dkim_weak", {"domain": domain})
    if domain and selector and {"key", "signature"} & set(failed):
        return Advice("dkim_key", record=f"{selector}._domainkey.{domain}  TXT")
    return Advice("dkim_repair", {"domain": domain}) if domain else Advice("dkim_sign")


def _spf(finding: Finding) -> Advice | None:
    domain = _text(finding, "domain")
    if not domain or finding.status == "permerror":
        return Advice("spf_correct", {"domain": domain}) if domain else None
    address = _address(_text(finding, "client_ip"))
    records = finding.evidence.get("records") or ()
    if not address or len(records) > 1:
        return Advice("spf_correct", {"domain": domain})
    terms = str(records[0]).split()[1:] if records else ["~all"]
    record = " ".join(["v=spf1", address, *terms])
    return Advice("spf_add", {"domain": domain}, record=f'{domain}  TXT  "{record}"')


def _address(text: str) -> str | None:
    """The SPF term of an address (RFC 7208 section 5.6)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return f"ip{address.version}:{address}"


def _dmarc(finding: Finding) -> Advice | None:
    domain = _text(finding, "from_domain")
    return Advice("dmarc_align", {"domain": domain}) if domain else None


def _blocklists(finding: Finding) -> Advice | None:
    listed, name = _text(finding, "listed"), _text(finding, "list")
    if not listed or not name:
        return None
    removal = _text(finding, "removal")
    url = removal if removal.startswith("https://") else None
    return Advice("delist", {"listed": listed, "list": name}, url=url)


def _reverse_dns(finding: Finding) -> Advice | None:
    address = _text(finding, "client_ip")
    return Advice("ptr", {"address": address}) if address else None


def _submission(finding: Finding) -> Advice | None:
    code = finding.evidence.get("code")
    if code is None:
        return Advice("reach")
    if code in {530, 534, 535}:
        return Advice("login")
    if isinstance(code, int) and 400 <= code < 500:
        return Advice("relay_later")
    return Advice("relay_refuses")


# In the order in which advice is given: who may not even hand in mail fixes that first.
_READERS: Mapping[str, Callable[[Finding], Advice | None]] = {
    "submission": _submission,
    "dkim": _dkim,
    "spf": _spf,
    "dmarc": _dmarc,
    "blocklists": _blocklists,
    "reverse-dns": _reverse_dns,
}
