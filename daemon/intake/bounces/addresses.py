"""Addresses as bounces write them, and which of them can be the one that failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemon.intake.bounces.phrases import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MOST = 100

# Letters of Europe's scripts (SMTPUTF8); those of East Asia stand beside addresses without a space.
_ATOM = r"A-Za-z0-9_\u00c0-\u052f!#$%&'*+/=?^`{|}~.-"
_LABEL = r"[A-Za-z0-9_\u00c0-\u052f-]{1,63}"
# Bounded on every side, so that a long run without an "@" costs little.
ADDRESS = re.compile(
    rf"(?<![{_ATOM}])[{_ATOM}]{{1,80}}@(?:{_LABEL}\.){{1,8}}[A-Za-z\u00c0-\u052f][A-Za-z0-9\u00c0-\u052f-]{{1,62}}"
)
_KEY = re.compile(
    r"(?:to|rcpt|rcpt_to|recipient|address|user|email|mailto|addr|smtp)=", re.IGNORECASE
)
_ANY_SCRIPT = re.compile(r"[^\s<>;,\"()]{1,80}@[^\s<>;,\"()]{1,250}")
# BATV puts a tag before the local part: prvs=TAG=postmaster.
_TAGGED = re.compile(r"^(?:prvs|btv1)=[^=]{1,40}=")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")

# Who writes bounces, and whom they tell people to ask: never the address that failed.
_OFFICIALS = names("officials")
_MACHINES = names("machines")


def found_in(text: str) -> Iterator[str]:
    """Every address in `text`, in order, at most 100."""
    for count, match in enumerate(ADDRESS.finditer(text)):
        if count == MOST:
            return
        yield cleaned(match[0])


def cleaned(address: str) -> str:
    """`address` without the marks around it."""
    bare = address.strip("<>()[]{}'\"`,;: \t").removesuffix(".")
    return _KEY.sub("", bare, count=1) if _KEY.match(bare) else bare


def typed(value: str) -> str:
    """The address of a field "rfc822; address" (RFC 3464 section 2.3.2), or ""."""
    kind, semicolon, rest = value.partition(";")
    if not semicolon:
        rest = kind
    if kind.strip().lower() == "utf-8":
        rest = _UNITEXT.sub(lambda match: _letter(match[1]), rest)
    match = _ANY_SCRIPT.search(rest)
    return cleaned(match[0]) if match else ""


def plain(xtext: str) -> str:
    """An address as it was before xtext (RFC 3461 section 4) hid some of its letters."""
    return _XTEXT.sub(lambda match: _letter(match[1]), xtext)


def _letter(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if 0x20 <= number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else "?"


def is_machine(address: str) -> bool:
    """Whether mail systems write bounces by this name."""
    local = _TAGGED.sub("", address.strip("<> ").partition("@")[0].lower())
    return local in _MACHINES or local.startswith(("microsoftexchange", "bounce-", "bounces+"))


def is_official(address: str) -> bool:
    """Whether the address belongs to whoever runs a mail system."""
    return address.partition("@")[0].lower() in _OFFICIALS or is_machine(address)


class Ours:
    """Our own addresses, signed return paths below them included."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._known = {_base(address) for address in addresses}

    def __contains__(self, address: str) -> bool:
        return address.lower() in self._known or _base(address) in self._known


def strangers(addresses: Iterable[str], ours: Ours, also: Collection[str] = ()) -> tuple[str, ...]:
    """Each address once that is neither ours nor in `also`; the first 100."""
    seen: dict[str, str] = {}
    for address in addresses:
        if address and address not in ours and address.lower() not in also:
            seen.setdefault(address.lower(), address)
    return tuple(seen.values())[:MOST]


def _base(address: str) -> str:
    local, _, domain = address.lower().strip("<> ").rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
