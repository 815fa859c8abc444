"""Every DKIM signature of the message: whether it holds, and which part of it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probes.author import author_domains
from probes.check import NOT_EVALUABLE, Check, letter_of
from probes.dkim_verdict import MAX_SIGNATURES, Verdict, dkim_verdicts
from probes.observation import Finding, Severity
from probes.public_suffix import same_organization

if TYPE_CHECKING:
    from probes.letter import Letter
    from probes.observation import Specimen
    from probes.resolver import Resolver

NAME = "dkim"
ADVISED_RSA_BITS = 2048
# What a reader sees or a reply follows, of the fields that RFC 6376 5.4.1 advises to sign.
_WORTH_SIGNING = ("subject", "date", "to", "cc", "reply-to", "message-id", "mime-version")
_WORTH_SIGNING_TOO = ("content-type", "content-transfer-encoding")

_REMEDIES = {
    "syntax": "Have the signing server write a complete signature as RFC 6376 3.5 asks.",
    "dns": "Look at the name servers of the signing domain; they did not answer.",
    "key": "Publish the public key of this selector in DNS, exactly as the signing server gives.",
    "key too weak": "Sign with an RSA key of 2048 bits.",
    "body hash": "Find what changes the body after signing: a footer, a scanner, a re-encoding.",
    "signature": "Find what changes a signed header field after signing, or publish the key that "
    "the signing server really uses.",
    "body length": "Sign without l=.",
    "expiry": "Give signatures a longer life (x=), or deliver faster.",
}


async def examine(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """One finding per signature, the topmost first; one "none" when there is no signature."""
    letter = await letter_of(specimen, resolver)
    verdicts = await dkim_verdicts(specimen, resolver)
    if not verdicts:
        remedy = "Sign the receipts with DKIM, by the domain that stands in From."
        summary = "The message has no DKIM signature."
        return (Finding(NAME, "none", Severity.PROBLEM, summary, remedy=remedy),)
    author = next(iter(author_domains(letter)), None)
    covered = any(v.status == "pass" and _alignment(v, author) != "no" for v in verdicts)
    return tuple(_finding(verdict, letter, author, covered=covered) for verdict in verdicts)


CHECK = Check(NAME, examine)


def _finding(verdict: Verdict, letter: Letter, author: str | None, *, covered: bool) -> Finding:
    weaknesses = _weaknesses(verdict, letter)
    remedy = weaknesses[0][1] if weaknesses else None
    if verdict.failed:
        remedy = _remedy(verdict)
    return Finding(
        NAME,
        verdict.status,
        _severity(verdict, weak=bool(weaknesses), covered=covered),
        _summary(verdict, [text for text, _ in weaknesses]),
        _evidence(verdict, letter, author),
        remedy,
    )


def _severity(verdict: Verdict, *, weak: bool, covered: bool) -> Severity:
    if verdict.status == "pass":
        return Severity.NOTICE if weak else Severity.OK
    if verdict.status in {"temperror", NOT_EVALUABLE}:
        return Severity.UNKNOWN
    # A broken signature beside a good and aligned one costs nothing.
    return Severity.NOTICE if covered else Severity.PROBLEM


def _summary(verdict: Verdict, weaknesses: list[str]) -> str:
    signer = verdict.domain or "an unreadable domain"
    text = f"The signature of {signer}: {verdict.reason}"
    return f"{'; '.join([text, *weaknesses])}."


def _remedy(verdict: Verdict) -> str:
    if "rsa-sha1" in verdict.reason:
        return "Sign with rsa-sha256."
    if "revoked" in verdict.reason:
        return "Sign with the current selector; this one's key was revoked."
    return _REMEDIES[verdict.failed[0]]


def _weaknesses(verdict: Verdict, letter: Letter) -> list[tuple[str, str]]:
    """What a holding signature leaves open, each with its remedy."""
    if verdict.status != "pass" or verdict.signature is None or verdict.key is None:
        return []
    found = []
    if verdict.unsigned_bytes:
        text = f"the last {verdict.unsigned_bytes} bytes of the body are not signed (l=)"
        found.append((text, _REMEDIES["body length"]))
    if verdict.key.kind == "rsa" and verdict.key.bits < ADVISED_RSA_BITS:
        text = f"its key has {verdict.key.bits} bits"
        found.append((text, _REMEDIES["key too weak"]))
    exposed = {"subject", "date", "to"} & set(unprotected(letter, verdict))
    if exposed:
        text = f"it does not cover {', '.join(sorted(exposed))}"
        found.append((text, "Sign at least From, To, Subject and Date."))
    if verdict.key.testing:
        found.append(("its key is marked as a test (t=y)", "Remove t=y from the key record."))
    return found


def unprotected(letter: Letter, verdict: Verdict) -> tuple[str, ...]:
    """The fields that stand in the message and should be signed, but are not in h=."""
    signed = set(verdict.signature.signed_fields) if verdict.signature else set()
    worth = (*_WORTH_SIGNING, *_WORTH_SIGNING_TOO)
    return tuple(name for name in worth if name not in signed and letter.first(name))


def _evidence(verdict: Verdict, letter: Letter, author: str | None) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "d": verdict.domain,
        "failed": list(verdict.failed),
        "aligned": _alignment(verdict, author),
        "from_domain": author,
    }
    extra = len(letter.all("dkim-signature")) - MAX_SIGNATURES
    if extra > 0:
        evidence["signatures_not_examined"] = extra
    return evidence | _signature_evidence(verdict, letter) | _key_evidence(verdict)


def _signature_evidence(verdict: Verdict, letter: Letter) -> dict[str, Any]:
    signature = verdict.signature
    if signature is None:
        return {}
    return {
        "s": signature.selector,
        "i": signature.identity,
        "algorithm": signature.algorithm,
        "canonicalization": f"{signature.header_form}/{signature.body_form}",
        "l": signature.length,
        "unsigned_bytes": verdict.unsigned_bytes,
        "t": signature.signed_at.isoformat() if signature.signed_at else None,
        "x": signature.expires_at.isoformat() if signature.expires_at else None,
        "unprotected": list(unprotected(letter, verdict)),
    }


def _key_evidence(verdict: Verdict) -> dict[str, Any]:
    if verdict.key is None:
        return {}
    return {"key_bits": verdict.key.bits, "key_type": verdict.key.kind}


def _alignment(verdict: Verdict, author: str | None) -> str:
    """How d= matches the author domain, by the public suffix list: strict, relaxed or no."""
    if author is None or verdict.domain is None:
        return "no"
    if verdict.domain.lower() == author:
        return "strict"
    return "relaxed" if same_organization(verdict.domain, author) else "no"
