"""What comes back: the mailboxes that it is read from, and the round that reads it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake.bounces.reader import BounceReader
from daemon.rounds.bounce_links import Paths
from daemon.rounds.bounce_mailboxes import BounceMailbox
from daemon.rounds.read_bounces import BounceRound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from daemon.ledger.arrivals import Arrivals
    from daemon.rounds.bounce_mailboxes import BounceAccount
    from daemon.rounds.surroundings import Surroundings
    from daemon.settings import Shop


@dataclass(frozen=True, slots=True)
class Returns:
    """The round, and a reader for each shop whose bounces lie in a mailbox."""

    round: BounceRound
    mailboxes: tuple[BounceMailbox, ...]


@asynccontextmanager
async def open_returns(
    shops: Sequence[Shop],
    key: bytes,
    around: Surroundings,
    accounts: Sequence[BounceAccount],
    arrivals: Arrivals,
) -> AsyncIterator[Returns]:
    """Build them; `key` signs the return paths."""
    async with AsyncExitStack() as stack:
        reader = BounceReader()
        stack.push_async_callback(reader.close)
        # every mailbox may wait in IDLE at once, and an interrupted one still has to be closed
        threads = ThreadPoolExecutor(2 * len(accounts) + 1, thread_name_prefix="bounces")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        boxes = tuple(BounceMailbox(around, a, arrivals.take, threads=threads) for a in accounts)
        for box in boxes:
            stack.push_async_callback(box.close)
        paths = {shop.name: paths_of(shop) for shop in shops}
        yield Returns(BounceRound(around, reader, key, paths), boxes)


def paths_of(shop: Shop) -> Paths:
    """The shop's return paths, and the addresses that its mail comes from."""
    base = shop.bounces.address.lower() if shop.bounces else None
    own = {a for route in shop.routes for a in (route.from_address, route.envelope_sender)}
    signing = {route.name for route in shop.routes if route.return_path == "signed"}
    return Paths(base, tuple(sorted(own)), frozenset(signing))
