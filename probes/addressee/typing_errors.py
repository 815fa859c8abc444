"""Typing errors in a domain: "gmial.com" for "gmail.com", and never "mail.com" for it.

A customer's real domain must never be called wrong, so the question is asked from the safe side:
a domain that is known stays; one with a mail exchanger of its own stays, unless it is registered
for nothing but the slip; one that cannot exist is corrected; only of one that takes no mail at all
are the letters compared with the popular ones.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import idna

from probes.addressee.providers import PROVIDERS
from probes.addressee.spelling import apart, plain_letters, swapped_or_doubled, tidy
from probes.addressee.well_known import (
    BRANDS,
    GIANTS,
    NEIGHBOURS,
    NO_TYPING_ERROR,
    POPULAR,
    SLIPPED_ENDINGS,
    SQUATS,
)
from probes.public_suffix import is_top_level

if TYPE_CHECKING:
    from collections.abc import Iterable

_GIVEN_OUT = tuple(domain for provider in PROVIDERS.values() for domain in provider.domains)
WELL_KNOWN = tuple(dict.fromkeys((*GIANTS, *_GIVEN_OUT, *POPULAR)))
"""Every domain that may be suggested, the most popular first."""

_GOOD = frozenset((*WELL_KNOWN, *NEIGHBOURS))
_GLUED = {domain.replace(".", ""): domain for domain in reversed(WELL_KNOWN)}
_ENDINGS: defaultdict[str, list[str]] = defaultdict(list)
for _domain in WELL_KNOWN:
    _ENDINGS[_domain.partition(".")[0]].append(_domain.partition(".")[2])


def suggest(domain: str, has_mx: bool | None) -> str | None:  # noqa: FBT001 - what DNS said
    """The domain that was probably meant; None when `domain` may well be right.

    `domain` is taken as it was typed, in any script. `has_mx` says whether it has a mail exchanger
    of its own; None when DNS gave no answer, and then only what is certain is said.
    """
    typed = _typed(domain)
    if typed in _GOOD:
        return None if typed == domain.lower() else typed
    slip = _squatted(typed)
    if slip or has_mx or not typed or typed.rpartition(".")[2] in NO_TYPING_ERROR:
        return slip
    return _impossible(typed) or (_of_no_mail(typed) if has_mx is False else None)


def _typed(domain: str) -> str:
    squeezed = tidy("".join(domain.split()))
    return squeezed if squeezed in _GOOD else tidy(domain)


def _squatted(typed: str) -> str | None:
    # whoever owns com.com lets every name below it take mail
    twice = typed.removesuffix(".com") if typed.endswith(".com.com") else ""
    return SQUATS.get(typed) or (twice if twice in GIANTS else None)


def _impossible(typed: str) -> str | None:
    """For letters that only look right, no dot, or an ending that does not exist."""
    plain = plain_letters(typed)
    if not typed.isascii() and plain in GIANTS:
        return plain
    if "." not in typed:
        return BRANDS.get(plain) or _GLUED.get(plain) or _nearly_glued(plain)
    if _exists(typed.rpartition(".")[2]):
        bare = typed.removeprefix("www.")
        return bare if bare in _GOOD else None
    if plain.partition(".")[0] in _ENDINGS:
        return _other_ending(typed) or _other_ending(plain)
    return _alike(typed, slips=2)


def _nearly_glued(plain: str) -> str | None:
    near = (domain for domain in GIANTS if apart(plain, domain.replace(".", ""), 1) <= 1)
    return next(near, None) if len(plain) > 7 else None


def _of_no_mail(typed: str) -> str | None:
    """For a name that may exist, but where no mail is taken."""
    plain = plain_letters(typed)
    if plain in GIANTS:
        return plain
    label, _, ending = plain.partition(".")
    slipped = f"{label}.{SLIPPED_ENDINGS.get(ending, '')}"
    if slipped in WELL_KNOWN:
        return slipped
    if label in BRANDS:
        return _other_ending(plain) or (BRANDS[label] if _exists(ending) else None)
    if label in _ENDINGS:  # other companies have such a name in other countries
        return _lengthened(plain)
    return _lengthened(plain) or _alike(typed, slips=1 if len(label) < 8 else 2)


def _lengthened(plain: str) -> str | None:
    """`mail.gmail.com`, `gmail.com.br`."""
    around = (d for d in GIANTS if plain.endswith(f".{d}") or plain.startswith(f"{d}."))
    return next(around, None)


def _other_ending(typed: str) -> str | None:
    """The same name under the ending that was meant: hotmail.con, yahoo.co.ku, gmx.d."""
    label, _, ending = typed.partition(".")
    known = _ENDINGS.get(label, [])
    begun = [other for other in known if _begins(other, ending) or _begins(ending, other)]
    near = _nearest(ending, known, 2 if len(ending) > 2 else 1)
    sure = begun[:1] or ["com" for other in near if other == "com"] or near
    return f"{label}.{sure[0]}" if len(sure) == 1 else None


def _begins(longer: str, shorter: str) -> bool:
    return longer.startswith(shorter) and "." not in longer.removeprefix(shorter)[1:]


def _nearest(typed: str, known: Iterable[str], slips: int) -> list[str]:
    """Those of `known` that are the fewest slips away, at the most `slips`."""
    counted = {other: apart(typed, other, slips) for other in known}
    fewest = min(counted.values(), default=slips + 1)
    return [other for other, slip in counted.items() if slip == fewest <= slips]


def _alike(typed: str, slips: int) -> str | None:
    """The well-known domain that is nearest; of two as near, a giant or none."""
    plain, label = plain_letters(typed), typed.partition(".")[0]
    within = (d for d in WELL_KNOWN if min(apart(typed, d, slips), apart(plain, d, slips)) <= slips)
    believable = [domain for domain in within if _believable(label, domain)]
    near = _nearest(typed, believable, slips) or _nearest(plain, believable, slips)
    return near[0] if near and (len(near) == 1 or near[0] in GIANTS) else None


def _believable(label: str, domain: str) -> bool:
    """Short names are a slip apart by chance: there, the same letters must have been typed."""
    meant = domain.partition(".")[0]
    return (len(meant) > 4 and len(label) > 3) or swapped_or_doubled(label, meant)


def _exists(ending: str) -> bool:
    try:
        return is_top_level(idna.encode(ending, uts46=True).decode())
    except idna.IDNAError:
        return False
