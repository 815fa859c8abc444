"""What the nursery's children do: the product's own parts, put together by its own assembly."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from sqlalchemy import update

from daemon import logs
from daemon.assembly import order_mail
from daemon.assembly.engine import open_engine
from daemon.ledger import attempts
from daemon.ledger import schema as tables
from daemon.ledger.attempts import Moves
from daemon.ledger.database import Ledger
from daemon.ledger.failures import LedgerError
from daemon.lifecycles.arrival import Taken
from daemon.lifecycles.attempt import AttemptState
from daemon.metrics import Metrics
from daemon.outbound.connection import Terms
from daemon.outbound.pool import Pool
from daemon.rounds.send_mail import MailSender
from daemon.rounds.surroundings import Surroundings
from daemon.rounds.ways_out import WayOut
from daemon.settings import load
from daemon.supervision import Supervisor
from probes.endpoint import Endpoint, Tls
from tests.chaos.clocks import FACTOR, Later, Shared
from tests.chaos.house import HOST, ROUTE, SHOP
from tests.chaos.workers import Record, Stopping, Watched, hurry

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.clock import Clock
    from daemon.intake.store import Store
    from daemon.ledger.arrivals import Arrivals
    from daemon.ledger.attempts import Reaped
    from daemon.lifecycles.arrival import Arrival

CONNECTIONS = 5
WARNING = 30


def _run(work: Coroutine[Any, Any, None]) -> None:
    logs.setup(as_json=True, level=WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def house(settings: str, later_s: float, *, hasty: bool = False) -> None:
    """The intake and the way out of a settings file, without probes and pages.

    `hasty` answers before the commit: what a harness must catch.
    """
    if hasty:
        order_mail._storing = _storing_hastily  # type: ignore[assignment]
    _run(_keep_house(Path(settings), Later(later_s)))


async def _keep_house(settings: Path, clock: Clock) -> None:
    async with open_engine(load(settings), clock, Metrics("chaos")) as engine:
        post = engine.order_mail
        assert post.intake
        await post.intake.start()
        keeper = Supervisor(clock, lambda _name: None, troubles=(LedgerError,))
        pulse = partial(keeper.pulse, "send mail")
        keeper.forever("send mail", partial(post.sender.run, pulse), allowed_s=60)
        await asyncio.Event().wait()


def _storing_hastily(arrivals: Arrivals, _: MailSender) -> Store:
    under_way: set[asyncio.Task[Taken]] = set()

    async def store(arrival: Arrival) -> Taken:
        task = asyncio.create_task(arrivals.take(arrival))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        return Taken("not yet there", duplicate=False)

    return store


def sender(
    url: str, port: int, later_s: float, *, death: tuple[str, int] | None, forgetful: bool = False
) -> None:
    """Sends until it kills itself at the n-th visit of a point; with None it goes on.

    `forgetful` takes what was handed over for what was not: what a harness must catch.
    """
    if forgetful:
        attempts.reap = _reap_forgetfully
    _run(_send(url, port, Later(later_s), _deadly(*death) if death else _pass_by))


def _deadly(point: str, visit: int) -> Callable[[str], None]:
    visits: Counter[str] = Counter()

    def reached(here: str) -> None:
        visits[here] += 1
        if here == point and visits[here] == visit:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


async def _send(url: str, port: int, clock: Clock, reached: Callable[[str], None]) -> None:
    ledger = await Ledger.open(url)
    await sender_of(ledger, Moves(ledger), port, clock, reached).run(lambda: None)


def sender_of(
    ledger: Ledger, moves: Moves, port: int, clock: Clock, reached: Callable[[str], None]
) -> MailSender:
    """The product's own, by a route to that port."""
    endpoint = Endpoint(HOST, port, Tls.NONE)
    terms = Terms(endpoint, None, "shop.example", clock.now, reached=reached)
    around = Surroundings(ledger, clock, Metrics("chaos"))
    return MailSender(
        around,
        moves=moves,
        ways={(SHOP, ROUTE): WayOut(Pool(terms, CONNECTIONS), CONNECTIONS)},
        holder=f"child {os.getpid()}",
        tally=around.metrics.mail,
        reached=reached,
    )


def worker(
    url: str, port: int, began: float, record: str, *, stops: str | None, careless: bool = False
) -> None:
    """Sends by a clock that it shares with its peers, and records in the file `record`.

    With a file `stops` it stops itself every while, and says so there once it goes on.

    `careless` hands messages over though it was told that it may not: what a harness must catch.
    """
    hurry(eager=stops is not None)
    noting = Record(Path(record))
    noting.claims()
    reached = Stopping(Record(Path(stops))) if stops else _pass_by
    _run(_work(url, port, Shared(FACTOR, began), reached, noting, careless=careless))


async def _work(
    url: str,
    port: int,
    clock: Clock,
    reached: Callable[[str], None],
    record: Record,
    *,
    careless: bool,
) -> None:
    ledger = await Ledger.open(url)
    moves = Watched(ledger, record, careless=careless)
    await sender_of(ledger, moves, port, clock, reached).run(lambda: None)


def _pass_by(_point: str) -> None:
    """Nobody stops there."""


_real_reap = attempts.reap


async def _reap_forgetfully(conn: AsyncConnection, now: datetime) -> Reaped:
    handed_over = tables.attempts.c.state == AttemptState.DATA_SENT
    over = tables.attempts.c.lease_until < now
    forget = update(tables.attempts).where(handed_over, over)
    await conn.execute(forget.values(state=AttemptState.SENDING))
    return await _real_reap(conn, now)
