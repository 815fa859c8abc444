"""Who is who in the embedded world: the shop, its routes' identities, and what DNS says of them.

The primary route sends through a mail service that bounces to its own domain: SPF passes there but
is not aligned with the From domain, so that DMARC rests on DKIM alone, as at many real shops. The
fallback route bounces to the shop's own domain, and would survive a broken DKIM key.
"""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from typing import TYPE_CHECKING

from daemon.demo.relay import Sender, source_address
from daemon.demo.verdicts import Client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.demo.nameserver import Zone
    from daemon.demo.provider import Kind
    from daemon.demo.relay import Relay

SHOP_TITLE = "Saffron & Sons"
SHOP_FROM = "orders@saffron.test"
_SHOP_FROM = f"{SHOP_TITLE} <{SHOP_FROM}>"
CUSTOMERS = ("mina", "omar", "ruth")
"""Who has a mailbox at each provider, beside the seeds."""


def senders() -> tuple[Sender, ...]:
    """The three routes: the shop's primary and fallback, the operator's control."""
    return (
        _sender("primary", 11, "out.mailer.test", _SHOP_FROM, "bounces@mailer.test"),
        _sender("fallback", 12, "relay.saffron.test", _SHOP_FROM, "bounces@saffron.test"),
        _sender(
            "control", 13, "mail.watch.test", "Post watch <post@watch.test>", "post@watch.test"
        ),
    )


def _sender(route: str, host: int, helo: str, header_from: str, mail_from: str) -> Sender:
    return Sender(
        route,
        Client(source_address(f"127.0.0.{host}"), helo),
        header_from,
        mail_from,
        selector=route,
        username=f"{route}@{helo}",
        password=secrets.token_urlsafe(12),
    )


def publish(zone: Zone, relays: Iterable[Relay], kinds: Iterable[Kind]) -> None:
    """Write every record of the world in good order."""
    for kind in kinds:
        zone.publish(kind.domain, "MX", f"10 {kind.host}.")
        zone.publish(kind.host, "A", "127.0.0.1")
    for relay in relays:
        _publish_sender(zone, relay)


def _publish_sender(zone: Zone, relay: Relay) -> None:
    sender = relay.sender
    address, helo = sender.client.address, sender.client.helo
    spf = f"v=spf1 ip4:{address} -all"
    zone.publish(helo, "A", address)
    zone.publish(helo, "TXT", spf)
    zone.publish(ip_address(address).reverse_pointer, "PTR", f"{helo}.")
    zone.publish(sender.mail_from.rpartition("@")[2], "TXT", spf)
    zone.publish(f"_dmarc.{sender.domain}", "TXT", "v=DMARC1; p=quarantine")
    zone.publish(sender.key_name, "TXT", relay.key.record)
