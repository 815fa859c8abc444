"""What comes in belongs to one shop, and somebody listens for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daemon.settings.addresses import is_loopback
from daemon.settings.entries import entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from daemon.settings.intake import Intake
    from daemon.settings.problems import Steps
    from daemon.settings.section import Refusal
    from daemon.settings.shops import Shop

Claim = tuple["Steps", str]
"""Where the settings take something for one shop, and what."""


def shared_names(data: Mapping[str, Any]) -> Iterator[Refusal]:
    """Logins, and addresses for copies and bounces, that an earlier shop has; unvalidated data."""
    shops = entries(data, "shops")
    yield from _twice(
        (("shops", at, "intake", "username"), login)
        for at, shop in shops
        if (login := _section(shop, "intake").get("username"))
    )
    yield from _twice(claim for at, shop in shops for claim in _addresses(at, shop))


def _addresses(at: int, shop: Mapping[str, Any]) -> Iterator[Claim]:
    copies = _section(shop, "intake").get("copy_to")
    for n, address in enumerate(copies if isinstance(copies, list) else ()):
        yield ("shops", at, "intake", "copy_to", n), address
    if address := _section(shop, "bounces").get("address"):
        yield ("shops", at, "bounces", "address"), address


def _section(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    held = data.get(key)
    return held if isinstance(held, Mapping) else {}


def _twice(claims: Iterable[Claim]) -> Iterator[Refusal]:
    taken: set[str] = set()
    for place, value in claims:
        if str(value).casefold() in taken:
            yield place, f"`{value}` is taken already; each needs its own"
        taken.add(str(value).casefold())


def shared_senders(shops: Sequence[Shop]) -> Iterator[Refusal]:
    """Sender domains of two shops, each with those below it: whose mail is it?"""
    taken: dict[str, str] = {}
    for at, shop in enumerate(shops):
        own = shop.sender_domains if shop.intake else ()
        for domain in own:
            near = next((other for other in taken if _overlap(domain, other)), None)
            if near:
                below = "" if near == domain else f" with `{near}`"
                sentence = f"`{domain}` belongs to {taken[near]}{below}; each shop needs its own"
                yield ("shops", at, "intake", "senders"), sentence
        taken |= dict.fromkeys(own, shop.name)


def _overlap(domain: str, other: str) -> bool:
    return f".{domain}".endswith(f".{other}") or f".{other}".endswith(f".{domain}")


def unheard(intake: Intake | None, shops: Sequence[Shop]) -> Iterator[Refusal]:
    """Mail that is to come in where nothing listens."""
    for at, shop in enumerate(shops):
        if shop.intake and not intake:
            yield ("shops", at, "intake"), "needs `intake: listen:` at the top: nothing listens yet"
        if shop.bounces and not shop.bounces.imap and not intake:
            sentence = "is missing. Nothing listens for bounces: write this, or `intake: listen:`"
            yield ("shops", at, "bounces", "imap"), sentence


def open_logins(intake: Intake | None, shops: Sequence[Shop]) -> Iterator[Refusal]:
    """Listeners at which a shop's password would cross the network in the clear."""
    if not intake or not any(shop.intake and shop.intake.username for shop in shops):
        return
    for at, listener in enumerate(intake.listen):
        if listener.tls == "none" and not is_loopback(listener.address.host):
            sentence = "a login without TLS is for loopback only; write starttls or implicit"
            yield ("intake", "listen", at, "tls"), sentence
