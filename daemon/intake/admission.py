"""PURE: who may send what to whom.

A recipient is a return path of ours (a bounce, from anybody), a shop's copy address (a copy, from
anybody), or else a customer, whom only a shop that relays may write to, by a sender of its own.
Nothing else is taken: what is asked here in any form of words is never more than these three.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import idna

from daemon.intake import replies
from daemon.lifecycles.arrival import IntakeMode
from probes.address import LONGEST_DOMAIN, AddressError, check_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from ipaddress import IPv4Address, IPv6Address

    from daemon.intake.replies import Reply
    from daemon.intake.terms import Shop

_BLANKS_AND_COMMENTS = re.compile(rb"\s+|\([^()]*\)")
_DOMAINS = re.compile(rb'@([^\s@<>,;:"()\[\]\\]+)')
_DEEPEST_COMMENT = 20


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a transaction is for; it is of one kind, for one shop."""

    mode: IntakeMode
    shop: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a recipient is told; `purpose` and the checked `address` when it is taken."""

    reply: Reply
    purpose: Purpose | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the shop that the client proved to be, and from whom the mail shall come.

    `sender` is "" for the null path and None when it is no address that we would write to.
    `can_log_in` says that AUTH is offered and was not used; `purpose` what was taken before.
    """

    shop: Shop | None
    sender: str | None
    can_log_in: bool = False
    purpose: Purpose | None = None

    def towards(self, purpose: Purpose) -> Asking:
        """The same client, whose transaction now has a purpose."""
        return Asking(self.shop, self.sender, self.can_log_in, purpose)


class Admission:
    """The rules of these shops.

    `bounce_shop` names the shop whose signed return path an address is, or None.
    """

    def __init__(self, shops: Iterable[Shop], bounce_shop: Callable[[str], str | None]) -> None:
        shops = tuple(shops)
        self._bounce_shop = bounce_shop
        self._copies = {to.casefold(): s.name for s in shops for to in s.copy_to}
        self._owners = {domain: s.name for s in shops for domain in s.senders}
        pairs = [(network, s) for s in shops for network in s.networks]
        self._networks = sorted(pairs, key=lambda pair: pair[0].prefixlen, reverse=True)

    def shop_at(self, client: IPv4Address | IPv6Address) -> Shop | None:
        """The shop with the narrowest network around `client`; None when two share it."""
        around = [(n, s) for n, s in self._networks if client.version == n.version and client in n]
        narrowest = {s.name: s for n, s in around if n.prefixlen == around[0][0].prefixlen}
        return next(iter(narrowest.values())) if len(narrowest) == 1 else None

    def rule(self, asking: Asking, recipient: str) -> Ruling:
        """Whether mail to `recipient`, as the client wrote it, is taken, and as what."""
        try:
            address = check_address(recipient)
        except AddressError:
            return Ruling(_misspelt(recipient) if _relays(asking.shop) else _denied(asking))
        purpose = self._purpose(asking.shop, address)
        if purpose is None:
            return Ruling(_denied(asking))
        if asking.purpose not in {None, purpose}:
            return Ruling(replies.SEPARATELY)
        if purpose.mode is IntakeMode.RELAY and (reply := self._unfit(asking.sender, purpose.shop)):
            return Ruling(reply)
        return Ruling(replies.RECIPIENT_OK, purpose, address)

    def names_another(self, shop: str, authors: Iterable[bytes]) -> bool:
        """Whether From, Sender or Reply-To values name a domain that another shop sends by."""
        domains = (domain for value in authors for domain in _domains_in(value))
        return any(self._owner(domain) not in {None, shop} for domain in domains)

    def _purpose(self, shop: Shop | None, address: str) -> Purpose | None:
        if (owner := self._bounce_shop(address)) is not None:
            return Purpose(IntakeMode.BOUNCE, owner)
        if (owner := self._copies.get(address.casefold())) is not None:
            return Purpose(IntakeMode.COPY, owner)
        return Purpose(IntakeMode.RELAY, shop.name) if shop and shop.relays else None

    def _unfit(self, sender: str | None, shop: str) -> Reply | None:
        if sender is None:
            return replies.BAD_SENDER
        ours = not sender or self._owner(sender.rpartition("@")[2]) == shop
        return None if ours else replies.NOT_YOUR_DOMAIN

    def _owner(self, domain: str) -> str | None:
        """The shop that has `domain`, or the nearest one above it, among its senders."""
        return _nearest(domain, self._owners)


def _nearest(domain: str, owners: Mapping[str, str]) -> str | None:
    while domain:
        if domain in owners:
            return owners[domain]
        domain = domain.partition(".")[2]
    return None


def _relays(shop: Shop | None) -> bool:
    return shop is not None and shop.relays


def _denied(asking: Asking) -> Reply:
    return replies.LOGIN_FIRST if asking.can_log_in else replies.NO_RELAY


def _misspelt(recipient: str) -> Reply:
    ascii_local = recipient.rpartition("@")[0].isascii()
    return replies.BAD_ADDRESS if ascii_local else replies.NOT_ASCII


def _domains_in(value: bytes) -> Iterable[str]:
    """Every domain behind an @, be there blanks or comments between (RFC 5322 section 4.4)."""
    plain = value
    for _ in range(_DEEPEST_COMMENT):
        plain, changes = _BLANKS_AND_COMMENTS.subn(b"", plain)
        if not changes:
            break
    return {_a_labels(match) for text in (value, plain) for match in _DOMAINS.findall(text)}


def _a_labels(domain: bytes) -> str:
    text = domain[: 2 * LONGEST_DOMAIN].decode("utf-8", "replace").strip(".").lower()
    if text.isascii():
        return text
    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError:
        return text
