"""From the settings to the ways out of order mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.outbound.connection import Terms
from daemon.outbound.pool import Pool
from daemon.outbound.signing import Signer, signing_key
from daemon.rounds.ways_out import ReturnPath, WayOut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from daemon.rounds.parties import Route
    from daemon.settings import Route as RouteSettings
    from daemon.settings import Settings, Shop


def ways_of(
    settings: Settings, routes: Iterable[Route], key: bytes, now: Callable[[], datetime]
) -> dict[tuple[str, str], WayOut]:
    """Each shop's routes, the primary first: in this order they take over from each other.

    Raises ValueError when a signing key cannot be read.
    """
    parties = {(route.shop, route.name): route for route in routes}
    return {
        (shop.name, route.name): _way(shop, route, parties[shop.name, route.name], key, now)
        for shop in settings.shops
        for route in sorted(shop.routes, key=lambda route: route.role != "primary")
    }


def _way(
    shop: Shop, told: RouteSettings, route: Route, key: bytes, now: Callable[[], datetime]
) -> WayOut:
    helo = route.helo or told.from_address.rpartition("@")[2]
    terms = Terms(route.endpoint, route.login, helo, now)
    signs_path = told.return_path == "signed" and shop.bounces
    return WayOut(
        pool=Pool(terms, told.connections),
        connections=told.connections,
        return_path=ReturnPath(shop.bounces.address, key) if signs_path and shop.bounces else None,
        signer=_signer(told),
    )


def _signer(told: RouteSettings) -> Signer | None:
    if told.dkim is None:
        return None
    key = signing_key(told.dkim.read_key().get_secret_value())
    return Signer(told.dkim.domain, told.dkim.selector, key)
