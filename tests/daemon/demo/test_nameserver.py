"""The DNS stub answers as a real nameserver would, and fails when told to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import dns.resolver
import pytest

from daemon.demo.nameserver import DnsFault, Nameserver, Zone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def server() -> AsyncIterator[Nameserver]:
    zone = Zone()
    zone.publish("key._domainkey.shop.test", "TXT", "v=DKIM1; p=" + "A" * 400)
    zone.publish("shop.test", "MX", "10 mx.shop.test.")
    running = await Nameserver.start(zone)
    yield running
    await running.close()


async def text(server: Nameserver, name: str) -> bytes:
    answer = await server.resolver(0.3).resolve(name, "TXT")
    return b"".join(answer[0].strings)


async def test_a_long_text_comes_in_strings_of_255(server: Nameserver) -> None:
    answer = await server.resolver().resolve("KEY._domainkey.Shop.test", "TXT")
    assert [len(string) for string in answer[0].strings] == [255, 156]
    assert answer.rrset is not None
    assert answer.rrset.ttl == 0


async def test_an_edit_is_seen_by_the_next_question(server: Nameserver) -> None:
    server.zone.publish("shop.test", "TXT", "v=spf1 -all")
    assert await text(server, "shop.test") == b"v=spf1 -all"
    server.zone.publish("shop.test", "TXT", "v=spf1 ~all")
    assert await text(server, "shop.test") == b"v=spf1 ~all"
    server.zone.withdraw("shop.test", "TXT")
    with pytest.raises(dns.resolver.NoAnswer):
        await text(server, "shop.test")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nowhere.test", dns.resolver.NXDOMAIN),
        ("shop.test", dns.resolver.NoAnswer),
        ("_domainkey.shop.test", dns.resolver.NoAnswer),  # an empty non-terminal exists (RFC 8020)
    ],
)
async def test_absent_and_empty_stay_apart(
    server: Nameserver, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await text(server, name)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (DnsFault.SERVFAIL, dns.resolver.NoNameservers),
        (DnsFault.TIMEOUT, dns.resolver.LifetimeTimeout),
        (DnsFault.NXDOMAIN, dns.resolver.NXDOMAIN),
    ],
)
async def test_a_fault_lasts_until_it_is_healed(
    server: Nameserver, fault: DnsFault, error: type[Exception]
) -> None:
    server.zone.fail("key._domainkey.shop.test", fault)
    with pytest.raises(error):
        await text(server, "key._domainkey.shop.test")
    server.zone.heal()
    assert (await text(server, "key._domainkey.shop.test")).startswith(b"v=DKIM1")


async def test_nonsense_is_dropped_and_the_server_goes_on(server: Nameserver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rude:
        for datagram in (b"", b"\0", b"\xff" * 600, b"\0" * 12):
            rude.sendto(datagram, ("127.0.0.1", server.port))
    assert (await text(server, "key._domainkey.shop.test")).startswith(b"v=DKIM1")
