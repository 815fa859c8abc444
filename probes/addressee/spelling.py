"""How a domain was typed, and how far two spellings are apart."""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz.distance import OSA

from probes.address import LONGEST_DOMAIN

_LOOK_ALIKE = str.maketrans({"0": "o", "1": "l", "3": "e", "5": "s", "ı": "i", "ø": "o", "ł": "l"})
_SEPARATORS = re.compile(r"[\s.,;:/\\@'\"`´_]+")
_AROUND = "-<>()[]{}!?*=|"


def tidy(domain: str) -> str:
    """What was meant to be typed: one dot for whatever stands between the labels, none around.

    Empty when it is longer than any name (RFC 1035 section 2.3.4).
    """
    if len(domain) > LONGEST_DOMAIN + 10:
        return ""
    plain = unicodedata.normalize("NFKC", domain).lower().replace("\u3002", ".")
    return _SEPARATORS.sub(".", plain.strip(_AROUND)).strip(f".{_AROUND}")


def plain_letters(name: str) -> str:
    """`name` without accents, with letters for the digits and pairs that look like them."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return bare.translate(_LOOK_ALIKE).replace("rn", "m").replace("vv", "w")


def apart(one: str, other: str, most: int = 3) -> int:
    """Slips between them: letters missing, added, wrong, or two swapped; `most` + 1 when more."""
    return int(OSA.distance(one, other, score_cutoff=most))


def swapped_or_doubled(one: str, other: str) -> bool:
    """Whether the same letters stand in both: a swap, or a key that was hit twice."""
    return sorted(one) == sorted(other) or _undoubled(one) == _undoubled(other)


def _undoubled(text: str) -> str:
    return re.sub(r"(.)\1+", r"\1", text)
