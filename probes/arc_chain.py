"""The ARC chain of a message (RFC 8617 5.2), each link judged, the first break named."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.check import NOT_EVALUABLE, letter_of
from probes.dkim_armour import MIN_RSA_BITS, body_digest, canonical_body, header_holds
from probes.dkim_key import DkimKey, KeyRecordError, parse_key
from probes.dkim_signature import (
    Signature,
    SignatureError,
    known_algorithm,
    read_tags,
    signature_from,
)
from probes.resolver import Answer, Outcome, Resolver, a_labels, once
from probes.tag_list import items

if TYPE_CHECKING:
    from probes.letter import Field, Letter
    from probes.observation import Specimen

MAX_INSTANCES = 50
"""RFC 8617 4.2.1."""
_KINDS = ("arc-authentication-results", "arc-message-signature", "arc-seal")
_INSTANCE = re.compile(r"(?:^|;)[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,4})[ \t\r\n]*(?:;|$)")


@dataclass(frozen=True, slots=True)
class ArcSet:
    """One intermediary's three fields; `domain` is the sealer's."""

    instance: int
    results: Field
    message_signature: Field
    seal: Field
    tags: dict[str, str]

    @property
    def domain(self) -> str:
        """The sealing domain in A-label form; raises ValueError when it is none."""
        return a_labels(self.tags.get("d", ""))

    @property
    def key_name(self) -> str:
        """Where the seal's key stands."""
        return f"{a_labels(self.tags.get('s', ''))}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class ArcVerdict:
    """The chain's validation status: none, pass, fail, or temperror and "not evaluable".

    `broken_at` is the instance at which it broke, None when the chain as a whole is malformed.
    """

    status: str
    reason: str
    instances: int = 0
    broken_at: int | None = None
    sealers: tuple[str, ...] = ()


class BrokenChainError(ValueError):
    """The chain does not hold; carries the status and the instance."""

    def __init__(self, reason: str, instance: int | None = None, status: str = "fail") -> None:
        super().__init__(reason)
        self.instance = instance
        self.status = status


@once
async def arc_verdict(specimen: Specimen, resolver: Resolver) -> ArcVerdict:
    """Judge the chain. Raises TooHostile."""
    letter = await letter_of(specimen, resolver)
    count = len(letter.all("arc-seal"))
    sealers: tuple[str, ...] = ()
    try:
        chain = read_chain(letter)
        if not chain:
            return ArcVerdict("none", "The message has no ARC chain.")
        sealers = tuple(link.domain for link in chain)
        newest = _message_signature(chain[-1])
        names = sorted({newest.key_name, *(link.key_name for link in chain)})
        answers = await asyncio.gather(*(resolver.ask(name, "TXT") for name in names))
        keys = {answer.name: answer for answer in answers}
        await asyncio.to_thread(_demand_links, letter, chain, newest, keys)
        if specimen.truncated:
            reason = "The message was cut, so its body hash cannot be computed."
            return ArcVerdict(NOT_EVALUABLE, reason, count, None, sealers)
        _demand_body(letter, newest, len(chain))
    except BrokenChainError as error:
        return ArcVerdict(error.status, f"{error}.", count, error.instance, sealers)
    except (SignatureError, ValueError) as error:
        return ArcVerdict("fail", f"The chain is malformed: {error}.", count, None, sealers)
    return ArcVerdict("pass", "Every seal of the chain holds.", count, None, sealers)


def read_chain(letter: Letter) -> tuple[ArcSet, ...]:
    """The sets in order of their instance; raises BrokenChainError unless they are 1 to N."""
    found: dict[tuple[int, str], Field] = {}
    for field in letter.fields:
        if field.name in _KINDS:
            place = (_instance(field), field.name)
            if place in found:
                raise BrokenChainError(f"two {field.name} fields of instance {place[0]}", place[0])
            found[place] = field
    instances = {instance for instance, _ in found}
    if len(instances) > MAX_INSTANCES:
        raise BrokenChainError(f"more than {MAX_INSTANCES} ARC sets")
    return tuple(_arc_set(instance, found) for instance in range(1, len(instances) + 1))


def _instance(field: Field) -> int:
    text = field.body.decode("utf-8", "replace")
    # The results carry free text behind their first tag; the other two are tag lists throughout.
    named = _INSTANCE.match(text) or (
        _INSTANCE.search(text) if field.name != "arc-authentication-results" else None
    )
    if named is None:
        raise BrokenChainError(f"an {field.name} field without an instance (i=)")
    return int(named[1])


def _arc_set(instance: int, found: dict[tuple[int, str], Field]) -> ArcSet:
    fields = [found.get((instance, kind)) for kind in _KINDS]
    results, message_signature, seal = fields
    if results is None or message_signature is None or seal is None:
        raise BrokenChainError(f"the set of instance {instance} is incomplete", instance)
    tags = read_tags(seal)
    expected = "none" if instance == 1 else "pass"
    if tags.get("cv", "").lower() != expected:
        reason = f"the seal of instance {instance} says cv={tags.get('cv', '')[:20]}"
        raise BrokenChainError(reason, instance)
    if "h" in tags:
        raise BrokenChainError(f"the seal of instance {instance} has h=", instance)
    return ArcSet(instance, results, message_signature, seal, tags)


def _message_signature(link: ArcSet) -> Signature:
    tags = read_tags(link.message_signature)
    missing = [tag for tag in ("a", "b", "bh", "d", "h", "s") if not tags.get(tag)]
    if missing:
        raise SignatureError(f"the ARC-Message-Signature lacks {missing[0]}=")
    signed_fields = items(tags["h"])
    if "arc-seal" in signed_fields:
        raise SignatureError("the ARC-Message-Signature signs ARC-Seal")
    tags = {"c": "relaxed/relaxed"} | tags
    return signature_from(link.message_signature, tags, signed_fields, "")


def _demand_links(
    letter: Letter, chain: tuple[ArcSet, ...], newest: Signature, keys: dict[str, Answer]
) -> None:
    """Raise BrokenChainError at the first signature that does not hold, the newest first."""
    instance = len(chain)
    key = _key(keys[newest.key_name], newest.algorithm, instance)
    holds = header_holds(
        letter.fields,
        newest.signed_fields,
        newest.field,
        form=newest.header_form,
        algorithm=newest.algorithm,
        signature=read_tags(newest.field)["b"],
        key=key,
    )
    if not holds:
        raise BrokenChainError("the newest ARC-Message-Signature does not hold", instance)
    for link in reversed(chain):
        if not _seal_holds(chain[: link.instance], keys[link.key_name]):
            raise BrokenChainError(f"the seal of {link.domain} does not hold", link.instance)


def _seal_holds(chain: tuple[ArcSet, ...], answer: Answer) -> bool:
    """The last set's seal covers all sets up to it, in order, itself without b= (5.1.1)."""
    link = chain[-1]
    algorithm = known_algorithm(link.tags.get("a", ""))
    covered = [f for s in chain for f in (s.results, s.message_signature, s.seal)][:-1]
    return header_holds(
        # Fields are picked from the bottom up, and the oldest is to come first.
        list(reversed(covered)),
        [field.name for field in covered],
        link.seal,
        form="relaxed",
        algorithm=algorithm,
        signature=link.tags.get("b", ""),
        key=_key(answer, algorithm, link.instance),
    )


def _demand_body(letter: Letter, newest: Signature, instance: int) -> None:
    body = canonical_body(letter.body, newest.body_form)
    if body_digest(body, newest.length) != newest.body_hash:
        raise BrokenChainError("the body was changed after the newest set was added", instance)


def _key(answer: Answer, algorithm: str, instance: int) -> DkimKey:
    if answer.outcome is Outcome.TEMPORARY:
        reason = f"the key at {answer.name} could not be looked up"
        raise BrokenChainError(reason, instance, "temperror")
    for record in answer.texts:
        try:
            key = parse_key(record)
        except KeyRecordError:
            continue
        if algorithm.startswith(f"{key.kind}-") and (key.kind != "rsa" or key.bits >= MIN_RSA_BITS):
            return key
    raise BrokenChainError(f"no usable key at {answer.name}", instance)
