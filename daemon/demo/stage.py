"""Tells the story with the real service running in the embedded world."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.assembly import views
from daemon.assembly.service import Service
from daemon.demo.story import Outcome, tell
from daemon.demo.world import DemoWorld
from daemon.rounds.full_round import results_of
from probes.observation import Placement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from daemon.demo.story import Scene, StoryReport
    from daemon.rounds.full_round import Result
    from daemon.rulings.overview import Lane

POLL_S = 0.25
ROUND_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The world and the service that watches it."""

    world: DemoWorld
    service: Service

    async def tell(self, show: Callable[[Scene], None], *, pause_s: float) -> StoryReport:
        """Tell the story to its end; raises TimeoutError when a round does not settle."""
        launched: list[str] = []

        async def launch() -> None:
            engine = self.service.engine
            launched[:] = await engine.launcher.launch_now(engine.pairs)

        async def observe() -> list[Outcome]:
            async with asyncio.timeout(ROUND_WITHIN_S):
                return [_outcome(result) for result in await self._settled(launched)]

        return await tell(self.world, launch, observe, show, pause_s=pause_s)

    async def lanes(self) -> list[Lane]:
        """What the status page shows at this moment."""
        return (await views.status(self.service.engine)).lanes

    async def _settled(self, ids: list[str]) -> list[Result]:
        while True:
            results = await results_of(self.service.engine.around.ledger, ids)
            if all(result.settled for result in results):
                return results
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def stage(directory: Path, *, seeds_per_provider: int = 1) -> AsyncIterator[Stage]:
    """A world in `directory` and the service in it, both running; both end with the block."""
    world = await DemoWorld.start(directory, seeds_per_provider=seeds_per_provider)
    service, started = Service(world.settings_file), asyncio.Event()
    running = asyncio.create_task(service.run(started=started))
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield Stage(world, service)
    finally:
        waiting.cancel()
        service.stop()
        await asyncio.gather(running, return_exceptions=True)
        await world.stop()


def _outcome(result: Result) -> Outcome:
    findings = tuple(found.finding for found in result.findings)
    placement = result.row.placement or Placement.UNOBSERVED
    return Outcome(result.row.route, result.row.provider, placement, findings)
