"""Everything that order mail needs, opened together: taken in, read, sent on, its bounces read."""

from __future__ import annotations

import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.assembly.intake_terms import Disk, terms_of
from daemon.assembly.returns import Returns, open_returns
from daemon.assembly.ways import ways_of
from daemon.intake.orders.terms import OrderTerms
from daemon.intake.server import Intake
from daemon.intake.store import NoRoom, NotNow
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import Moves
from daemon.ledger.failures import LedgerError, LedgerFull
from daemon.rounds.look_up_addresses import AddressLookUp
from daemon.rounds.read_orders import OrderReader
from daemon.rounds.send_mail import MailSender
from daemon.rounds.watch_routes import RouteWatcher
from probes.addressee import Addressees
from probes.resolver import Resolver
from probes.return_path import is_ours, opened
from probes.token import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from daemon.assembly.keys import Keys
    from daemon.intake.store import Store
    from daemon.lifecycles.arrival import Arrival, Taken
    from daemon.metrics import Metrics
    from daemon.rounds.bounce_mailboxes import BounceAccount
    from daemon.rounds.parties import Route
    from daemon.rounds.surroundings import Surroundings
    from daemon.settings import Settings, Shop


@dataclass(frozen=True, slots=True)
class OrderMail:
    """The rooms of order mail; `intake` is None where the settings have none."""

    arrivals: Arrivals
    intake: Intake | None
    sender: MailSender
    reader: OrderReader
    look_up: AddressLookUp
    returns: Returns
    disk: Disk
    watcher: RouteWatcher


@asynccontextmanager
async def open_order_mail(
    settings: Settings,
    keys: Keys,
    around: Surroundings,
    routes: Iterable[Route],
    bounce_accounts: Sequence[BounceAccount],
) -> AsyncIterator[OrderMail]:
    """Build them; the intake does not listen yet. Raises ValueError."""
    async with AsyncExitStack() as stack:
        arrivals = Arrivals(around.ledger, routes=_primaries(settings.shops))
        stack.push_async_callback(arrivals.close)
        moves = Moves(around.ledger)
        stack.push_async_callback(moves.close)
        ways = ways_of(settings, routes, keys.return_paths, around.clock.now)
        holder = f"{socket.gethostname()}/{os.getpid()}/{new_id()}"
        sender = MailSender(
            around, moves=moves, ways=ways, holder=holder, tally=around.metrics.mail
        )
        reader = OrderReader(around, order_terms(settings.shops), own=_own(settings.shops))
        stack.push_async_callback(reader.close)
        returns = await stack.enter_async_context(
            open_returns(settings.shops, keys.return_paths, around, bounce_accounts, arrivals)
        )
        dns = settings.dns
        resolver = Resolver(dns.nameservers, dns.port, dns.timeout.total_seconds())
        disk = Disk(settings.read_database_url().get_secret_value())
        yield OrderMail(
            arrivals=arrivals,
            intake=_intake(settings, keys, around, _storing(arrivals, sender), disk),
            sender=sender,
            reader=reader,
            look_up=AddressLookUp(around, Addressees(resolver)),
            returns=returns,
            disk=disk,
            watcher=RouteWatcher(around, ways, {seed.provider for seed in settings.seeds}),
        )


def order_terms(shops: Iterable[Shop]) -> dict[str, OrderTerms]:
    """How each shop's mail names its order."""
    return {shop.name: _order_terms(shop) for shop in shops}


def _order_terms(shop: Shop) -> OrderTerms:
    told = shop.intake.orders if shop.intake else None
    own = shop.sender_domains
    return OrderTerms(told.number, told.customer, own=own) if told else OrderTerms(own=own)


def _primaries(shops: Iterable[Shop]) -> dict[str, str]:
    return {shop.name: shop.primary.name for shop in shops}


def _own(shops: Iterable[Shop]) -> list[str]:
    """Addresses that are ours, and nobody's customers."""
    bounces = [shop.bounces.address for shop in shops if shop.bounces]
    copies = [address for shop in shops if shop.intake for address in shop.intake.copy_to]
    return [*bounces, *copies]


def _storing(arrivals: Arrivals, sender: MailSender) -> Store:
    async def store(arrival: Arrival) -> Taken:
        try:
            taken = await arrivals.take(arrival)
        except LedgerFull as error:
            raise NoRoom(str(error)) from error
        except LedgerError as error:
            raise NotNow(str(error)) from error
        sender.wake()
        return taken

    return store


def _intake(
    settings: Settings, keys: Keys, around: Surroundings, store: Store, disk: Disk
) -> Intake | None:
    if settings.intake is None:
        return None
    paths = ReturnPaths(settings.shops, keys.return_paths, around.metrics)
    return Intake(
        terms_of(settings, settings.intake, disk.folder),
        store,
        around.clock.now,
        bounce_shop=paths.shop_of,
        on_event=around.metrics.mail.taken_in,
        disk_low=disk.low,
    )


class ReturnPaths:
    """Whose signed return path an address is."""

    def __init__(self, shops: Iterable[Shop], key: bytes, metrics: Metrics) -> None:
        self._bases = {shop.bounces.address.lower(): shop.name for shop in shops if shop.bounces}
        self._key, self._metrics = key, metrics

    def shop_of(self, address: str) -> str | None:
        """The shop; None for anything else, a forged one among them, which is counted."""
        for base, shop in self._bases.items():
            if is_ours(address, (base,)):
                if opened(address, self._key) is not None:
                    return shop
                self._metrics.mail.forged(shop)
        return None
