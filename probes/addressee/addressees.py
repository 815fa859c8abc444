"""Examines addresses: syntax, then DNS, then what follows from both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from probes.address import AddressError, check_address
from probes.addressee.judgement import judged, malformed, recognised
from probes.addressee.mail_servers import MailServers, mail_servers
from probes.addressee.memory import Memory

if TYPE_CHECKING:
    from datetime import datetime

    from probes.addressee.verdict import Addressee
    from probes.resolver import Resolver

AT_ONCE = 4
"""Domains that are asked for at a time: a look-up may hold one of the few threads for seconds."""


async def examine(address: str, resolver: Resolver) -> Addressee:
    """What can be known of `address`; raises nothing, and ends within twice the DNS timeout."""
    try:
        checked = check_address(address)
    except AddressError as error:
        return malformed(address, error)
    servers = await mail_servers(checked.rpartition("@")[2], resolver)
    return judged(address, checked, servers)


async def provider_of(address: str, resolver: Resolver) -> str | None:
    """Who runs the mailbox of `address`; None when nobody known does.

    The part before the @ does not matter, so it may be in any script (RFC 6531).
    """
    domain = _domain(address)
    return recognised(domain, await mail_servers(domain, resolver))[0] if domain else None


class Addressees:
    """Examines many addresses, and remembers their domains as `probes.addressee.memory` does."""

    def __init__(self, resolver: Resolver, memory: Memory | None = None) -> None:
        self._resolver = resolver
        self._memory = Memory() if memory is None else memory
        self._asking: dict[str, asyncio.Task[MailServers]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def examine(self, address: str, now: datetime) -> Addressee:
        """As the function; `now` decides what is remembered."""
        try:
            checked = check_address(address)
        except AddressError as error:
            return malformed(address, error)
        servers = await self._servers(checked.rpartition("@")[2], now)
        return judged(address, checked, servers)

    async def provider_of(self, address: str, now: datetime) -> str | None:
        """As the function; `now` decides what is remembered."""
        domain = _domain(address)
        return recognised(domain, await self._servers(domain, now))[0] if domain else None

    async def _servers(self, domain: str, now: datetime) -> MailServers:
        known = self._memory.recall(domain, now)
        if known is not None:
            return known
        if domain not in self._asking:
            asking = asyncio.ensure_future(self._ask(domain, now))
            asking.add_done_callback(lambda _: self._asking.pop(domain, None))
            self._asking[domain] = asking
        # one who stops waiting does not stop it for the others
        return await asyncio.shield(self._asking[domain])

    async def _ask(self, domain: str, now: datetime) -> MailServers:
        async with self._turns:
            servers = await mail_servers(domain, self._resolver)
        self._memory.keep(domain, servers, now)
        return servers


def _domain(address: str) -> str | None:
    try:
        return check_address(f"x@{address.rpartition('@')[2]}").rpartition("@")[2]
    except AddressError:
        return None
