"""The author domain of a message: the domain of the address in From (RFC 9989, RFC 5322 3.6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.comments import Part, without
from probes.resolver import a_labels

if TYPE_CHECKING:
    from probes.letter import Letter

MAX_ADDRESSES = 100


def author_domains(letter: Letter) -> tuple[str, ...]:
    """The distinct domains of all From addresses, as A-labels; normally exactly one."""
    values = [without(f.value, Part.COMMENT, Part.QUOTED) for f in letter.all("from")]
    found = (_domain(address) for address in ",".join(values).split(",")[:MAX_ADDRESSES])
    return tuple(dict.fromkeys(domain for domain in found if domain))


def _domain(address: str) -> str | None:
    if "<" in address:
        address = address.rpartition("<")[2].partition(">")[0]
    _, at, domain = address.rpartition("@")
    try:
        return a_labels("".join(domain.split())) or None if at else None
    except ValueError:
        return None
