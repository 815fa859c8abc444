"""From the settings to whom the notifier writes, and how."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.alerts import exchange
from daemon.alerts.catalogue import all_channels
from daemon.assembly.parties import kinds
from daemon.rounds.addressees import Addressee
from daemon.rounds.heartbeat import Heartbeat
from daemon.rounds.notify import Notifier
from daemon.rounds.stories import Names
from daemon.rulings import alerting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.rounds.surroundings import Surroundings
    from daemon.settings import Contact, Settings


@dataclass(frozen=True, slots=True)
class Alarm:
    """What tells people, and what tells that we still could; no heartbeat without a URL."""

    notifier: Notifier
    heartbeat: Heartbeat | None


@asynccontextmanager
async def open_alarm(settings: Settings, around: Surroundings) -> AsyncIterator[Alarm]:
    """Build both; ends once what is being delivered has ended. Raises ValueError."""
    url = settings.alerts.read_heartbeat_url()
    async with exchange.client() as http:
        notifier = Notifier(
            around,
            addressees=addressees(settings),
            policy=alerting.Policy(**dict(settings.alerts.policy)),
            primaries={(shop.name, shop.primary.name) for shop in settings.shops},
            names=_names(settings),
            http=http,
        )
        try:
            yield Alarm(notifier, Heartbeat(around, url, http) if url else None)
        finally:
            await notifier.close()


def addressees(settings: Settings) -> list[Addressee]:
    """Every contact with its channel."""
    every_shop = [shop.name for shop in settings.shops]
    return [
        Addressee(_contact(told, every_shop), all_channels()[told.channel], told.by)
        for told in settings.alerts.contacts
    ]


def _contact(told: Contact, every_shop: list[str]) -> alerting.Contact:
    optional = {"gap": told.gap} if told.gap else {}
    return alerting.Contact(
        name=told.name,
        language=told.language,
        zone=told.time_zone,
        channel=told.channel,
        shops=frozenset(shop for shop in every_shop if told.hears_of(shop)),
        rank=told.rank,
        operator=told.operator,
        quiet=told.quiet,
        wakes=told.wakes,
        **optional,
    )


def _names(settings: Settings) -> Names:
    titles = {shop.name: shop.title for shop in settings.shops}
    return Names(titles, {name: kind.title for name, kind in kinds().items()})
