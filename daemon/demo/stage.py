"""Tells the story with the real service running in the embedded world."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon import desk
from daemon.assembly import views
from daemon.assembly.service import Service
from daemon.demo.shop import EmbeddedShop
from daemon.demo.story import Alarm, Outcome, tell
from daemon.demo.world import DemoWorld
from daemon.ledger import incidents, orders
from daemon.lifecycles.order_mail import ON_ITS_WAY
from daemon.rounds.full_round import results_of
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from daemon.clock import Clock
    from daemon.demo.story import Place, Scene, StoryReport
    from daemon.desk import Case
    from daemon.ledger.incidents import IncidentRow
    from daemon.rounds.full_round import Result
    from daemon.rulings.overview import Lane

POLL_S = 0.25
ROUND_WITHIN_S = 180.0
ALARMS_WITHIN_S = 120.0
RECEIPTS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The world and the service that watches it."""

    world: DemoWorld
    service: Service
    shop: EmbeddedShop

    async def tell(self, show: Callable[[Scene], None], *, pause_s: float) -> StoryReport:
        """Tell the story to its end; raises TimeoutError when a round does not settle."""
        launched: list[str] = []

        async def launch() -> None:
            engine = self.service.engine
            launched[:] = await engine.launcher.launch_now(engine.pairs)

        async def observe() -> list[Outcome]:
            async with asyncio.timeout(ROUND_WITHIN_S):
                return [_outcome(result) for result in await self._settled(launched)]

        return await tell(self.world, launch, observe, show, alarms=self.alarms, pause_s=pause_s)

    async def alarms(self, wanted: frozenset[Place]) -> list[Alarm]:
        """The incidents once they stand where they are wanted, or after two real minutes."""
        began = self.service.engine.around.clock.now()
        until = time.monotonic() + ALARMS_WITHIN_S
        while True:
            standing = [_alarm(row, began) for row in await self._incidents()]
            if {alarm.place for alarm in standing} == wanted or time.monotonic() > until:
                return standing
            await asyncio.sleep(POLL_S)

    async def receipts(self, number: str) -> list[Case]:
        """All about an order's receipts, once each is sent on or refused, or after 30 seconds."""
        until = time.monotonic() + RECEIPTS_WITHIN_S
        while True:
            async with self.service.engine.around.ledger.read() as conn:
                found = await orders.by_number(conn, number)
                cases = await desk.cases_of_order(conn, found[0].id) if found else []
            under_way = not cases or any(c.mail.state in ON_ITS_WAY for c in cases)
            if not under_way or time.monotonic() > until:
                return cases
            await asyncio.sleep(POLL_S)

    async def lanes(self) -> list[Lane]:
        """What the status page shows at this moment."""
        return (await views.status(self.service.engine)).lanes

    async def _incidents(self) -> list[IncidentRow]:
        async with self.service.engine.around.ledger.read() as conn:
            return [row for row in await incidents.current(conn) if row.seed is None]

    async def _settled(self, ids: list[str]) -> list[Result]:
        while True:
            results = await results_of(self.service.engine.around.ledger, ids)
            if all(result.settled for result in results):
                return results
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def stage(
    directory: Path,
    *,
    seeds_per_provider: int = 1,
    clock: Clock | None = None,
    selling: bool = False,
) -> AsyncIterator[Stage]:
    """A world in `directory` and the service in it, both running; both end with the block.

    `selling` opens the embedded shop. With a `clock` of their own all live by it. The block is
    cancelled when the service ends first, as it does at SIGINT; what the service died of is raised.
    """
    world = await DemoWorld.start(directory, seeds_per_provider=seeds_per_provider, clock=clock)
    service, started = Service(world.settings_file, clock), asyncio.Event()
    running = asyncio.create_task(service.run(started=started))
    waiting = asyncio.create_task(started.wait())
    shop = EmbeddedShop(world.intake_port, service.now)
    trade = asyncio.create_task(_trade(shop, started, open_=selling))
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        with _cancelled_after(running):
            yield Stage(world, service, shop)
    finally:
        trade.cancel()
        await asyncio.wait({trade})
        waiting.cancel()
        service.stop()
        await asyncio.wait({running})
        await world.stop()
        running.result()


async def _trade(shop: EmbeddedShop, started: asyncio.Event, *, open_: bool) -> None:
    await started.wait()
    if open_:
        await shop.run()


@contextmanager
def _cancelled_after(task: asyncio.Task[None]) -> Iterator[None]:
    block = asyncio.current_task()

    def cancel(_task: asyncio.Task[None]) -> None:
        if block:
            block.cancel()

    task.add_done_callback(cancel)
    try:
        yield
    finally:
        task.remove_done_callback(cancel)


def _outcome(result: Result) -> Outcome:
    findings = tuple(found.finding for found in result.findings)
    placement = result.row.placement or Placement.UNOBSERVED
    return Outcome(result.row.route, result.row.provider, placement, findings)


def _alarm(row: IncidentRow, began: datetime) -> Alarm:
    minutes = (row.changed_at - began).total_seconds() / 60
    return Alarm(row.route, row.provider, row.cause, row.why, round(max(minutes, 0.0), 1))
