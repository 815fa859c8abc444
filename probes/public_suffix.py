"""Organizational domains by the public suffix list, as RFC 7489 3.2 has them."""

from __future__ import annotations

import functools

from publicsuffixlist import PublicSuffixList


def organizational_domain(domain: str) -> str:
    """The registered domain above `domain` (A-labels); the domain itself when it is a suffix."""
    return _suffixes().privatesuffix(domain.lower()) or domain.lower()


def same_organization(one: str, other: str) -> bool:
    """Whether both domains have the same organizational domain."""
    return organizational_domain(one) == organizational_domain(other)


def is_top_level(label: str) -> bool:
    """Whether the list has names below `label` (one A-label, lower case): whether it exists."""
    return _suffixes().publicsuffix(label, accept_unknown=False) is not None


# Reading the list takes a tenth of a second, a look-up some microseconds.
@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
