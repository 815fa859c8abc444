"""The verdict on each DKIM signature of a message (RFC 6376 6.1), with every reason kept apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.check import NOT_EVALUABLE, letter_of
from probes.dkim_armour import (
    MAX_RSA_BITS,
    MIN_RSA_BITS,
    body_digest,
    canonical_body,
    header_holds,
)
from probes.dkim_key import DkimKey, KeyRecordError, parse_key
from probes.dkim_signature import Signature, SignatureError, read_signature, read_tags
from probes.resolver import Answer, Outcome, Resolver, once

if TYPE_CHECKING:
    from datetime import datetime

    from probes.letter import Field, Letter
    from probes.observation import Specimen

MAX_SIGNATURES = 10
"""More are not looked at: RFC 6376 6.1 lets a verifier bound its work."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one signature.

    `status` is the word of RFC 8601 2.7.1, or "not evaluable" when the message was cut. `failed`
    names the parts that failed: syntax, dns, key, key too weak, signature, body hash, body length,
    expiry. `domain` is d= as far as readable. `unsigned_bytes` counts the canonical body beyond l=.
    """

    status: str
    failed: tuple[str, ...] = ()
    reason: str = ""
    domain: str | None = None
    signature: Signature | None = None
    key: DkimKey | None = None
    unsigned_bytes: int = 0


@once
async def dkim_verdicts(specimen: Specimen, resolver: Resolver) -> tuple[Verdict, ...]:
    """Judge the topmost ten signatures; empty when the message has none. Raises TooHostile."""
    letter = await letter_of(specimen, resolver)
    read = [_read(field) for field in letter.all("dkim-signature")[:MAX_SIGNATURES]]
    names = {item.key_name for item in read if isinstance(item, Signature)}
    answers = await asyncio.gather(*(resolver.ask(name, "TXT") for name in sorted(names)))
    keys = {answer.name: answer for answer in answers}
    return await asyncio.to_thread(_judge_all, letter, read, keys, specimen)


def judge(
    letter: Letter, signature: Signature, answer: Answer, at: datetime, *, truncated: bool = False
) -> Verdict:
    """Judge one readable signature by the answer to its key question, as of `at`. Pure."""
    if answer.outcome is Outcome.TEMPORARY:
        reason = f"the key at {signature.key_name} could not be looked up: {answer.problem}"
        return _verdict("temperror", ("dns",), reason, signature)
    if not answer.texts:
        return _verdict("permerror", ("key",), f"no key at {signature.key_name}", signature)
    # More than one record is against RFC 6376 3.6.2.2, which leaves the choice to the verifier.
    verdicts = [
        _judge_by(letter, signature, record, at, truncated=truncated)
        for record in answer.texts[:MAX_SIGNATURES]
    ]
    return min(verdicts, key=_preference)


def _judge_all(
    letter: Letter,
    read: list[Signature | Verdict],
    keys: dict[str, Answer],
    specimen: Specimen,
) -> tuple[Verdict, ...]:
    at, truncated = specimen.signed_at, specimen.truncated
    return tuple(
        item
        if isinstance(item, Verdict)
        else judge(letter, item, keys[item.key_name], at, truncated=truncated)
        for item in read
    )


def _read(field: Field) -> Signature | Verdict:
    try:
        return read_signature(field)
    except SignatureError as error:
        return Verdict("permerror", ("syntax",), str(error), _claimed_domain(field))


def _claimed_domain(field: Field) -> str | None:
    try:
        return read_tags(field).get("d")
    except SignatureError:
        return None


def _judge_by(
    letter: Letter, signature: Signature, record: bytes, at: datetime, *, truncated: bool
) -> Verdict:
    try:
        key = parse_key(record)
    except KeyRecordError as error:
        return _verdict("permerror", ("key",), str(error), signature)
    refusal = key_refusal(signature, key)
    if refusal:
        return _verdict("permerror", ("key",), refusal, signature, key)
    if key.kind == "rsa" and not MIN_RSA_BITS <= key.bits <= MAX_RSA_BITS:
        reason = f"the RSA key has {key.bits} bits; {MIN_RSA_BITS} is the least (RFC 8301)"
        return _verdict("policy", ("key too weak",), reason, signature, key)
    return _by_digests(letter, signature, key, at, truncated=truncated)


def key_refusal(signature: Signature, key: DkimKey) -> str | None:
    """Why the key may not verify this signature (RFC 6376 3.6.1), or None."""
    if not signature.algorithm.startswith(f"{key.kind}-"):
        return f"the key is {key.kind}, the signature is {signature.algorithm}"
    if key.hashes and "sha256" not in key.hashes:
        return "the key does not allow sha256 (h=)"
    if not key.for_mail:
        return "the key is not for e-mail (s=)"
    if key.exact_domain and signature.identity.rpartition("@")[2] != signature.domain:
        return "the key forbids subdomains in i= (t=s)"
    return None


def _by_digests(
    letter: Letter, signature: Signature, key: DkimKey, at: datetime, *, truncated: bool
) -> Verdict:
    failed = _failed_digests(letter, signature, key, truncated=truncated)
    if signature.expires_at and signature.expires_at < at:
        failed.append("expiry")
    if failed:
        return _verdict("fail", tuple(failed), f"failed: {', '.join(failed)}", signature, key)
    if truncated:
        reason = "the message was cut, so its body hash cannot be computed"
        return _verdict(NOT_EVALUABLE, (), reason, signature, key)
    body = canonical_body(letter.body, signature.body_form)
    tail = 0 if signature.length is None else len(body) - signature.length
    return _verdict("pass", (), "the signature holds", signature, key, tail)


def _failed_digests(
    letter: Letter, signature: Signature, key: DkimKey, *, truncated: bool
) -> list[str]:
    failed = [] if header_signature_holds(letter, signature, key) else ["signature"]
    if truncated:
        return failed
    body = canonical_body(letter.body, signature.body_form)
    if signature.length is not None and signature.length > len(body):
        return [*failed, "body length"]
    holds = body_digest(body, signature.length) == signature.body_hash
    return failed if holds else [*failed, "body hash"]


def header_signature_holds(letter: Letter, signature: Signature, key: DkimKey) -> bool:
    """Whether b= is right for the header fields in h=."""
    tags = read_tags(signature.field)
    return header_holds(
        letter.fields,
        signature.signed_fields,
        signature.field,
        form=signature.header_form,
        algorithm=signature.algorithm,
        signature=tags["b"],
        key=key,
    )


def _verdict(
    status: str,
    failed: tuple[str, ...],
    reason: str,
    signature: Signature,
    key: DkimKey | None = None,
    unsigned_bytes: int = 0,
) -> Verdict:
    return Verdict(status, failed, reason, signature.domain, signature, key, unsigned_bytes)


def _preference(verdict: Verdict) -> int:
    order = ("pass", NOT_EVALUABLE, "fail", "policy", "permerror")
    return order.index(verdict.status)
