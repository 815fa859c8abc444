"""What is older than `retention` says is forgotten by the running service."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daemon.assembly.engine import open_engine
from daemon.assembly.service import Service
from daemon.clock import Clock
from daemon.ledger import Ledger, messages, probes
from daemon.ledger.arrivals import Arrivals
from daemon.lifecycles.arrival import IntakeMode
from daemon.metrics import Metrics
from daemon.settings import load
from tests.daemon.ledger.arrival_samples import arrival
from tests.stories.programs import change, until

if TYPE_CHECKING:
    from daemon.demo.world import DemoWorld


class Later(Clock):
    """The time in some days."""

    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return super().now() + self._ahead


async def test_messages_are_forgotten_first_and_their_probes_later(demo_world: DemoWorld) -> None:
    file = demo_world.settings_file
    change(file, retention={"messages": "3d", "probes": "9d"})
    settings = load(file)
    async with open_engine(settings, Clock(), Metrics("0")) as engine:
        pairs = [pair for pair in engine.pairs if pair.seed == "gmail-1"]
        [first, *_] = await engine.full_round.run(pairs, lambda _results: None)
    ledger = await Ledger.open(settings.read_database_url().get_secret_value())

    async def kept() -> tuple[bool, bool]:
        async with ledger.read() as conn:
            raw, row = await probes.raw_of(conn, first.row.id), await probes.get(conn, first.row.id)
        return raw is not None, row is not None

    try:
        assert await kept() == (True, True)
        for days, left in ((2, (True, True)), (4, (False, True)), (10, (False, False))):
            await _serve_a_while(demo_world, Later(days))
            assert await kept() == left, days
    finally:
        await ledger.close()


async def _serve_a_while(world: DemoWorld, clock: Clock) -> None:
    """Until the service has looked once for what is old."""
    service = Service(world.settings_file, clock)
    running = asyncio.create_task(service.run(probing=False))

    async def forgot() -> bool:
        [metric] = service.metrics.heartbeat.collect()
        return any(sample.labels["loop"] == "forget" for sample in metric.samples)

    await until(forgot)
    service.stop()
    await running


async def test_a_receipts_text_is_forgotten_and_so_is_how_it_would_be_known_again(
    demo_world: DemoWorld,
) -> None:
    change(demo_world.settings_file, retention={"messages": "3d", "probes": "9d"})
    settings = load(demo_world.settings_file)
    came = arrival(shop="demo", mode=IntakeMode.COPY, received_at=Clock().now())
    async with open_engine(settings, Clock(), Metrics("0")) as engine:
        first = await engine.order_mail.arrivals.take(came)
        assert await engine.order_mail.reader.run_once() == 1
    ledger = await Ledger.open(settings.read_database_url().get_secret_value())

    async def kept() -> tuple[bool, bool]:
        async with ledger.read() as conn:
            raw = await messages.raw(conn, first.message)
        again = Arrivals(ledger, routes={})
        known = (await again.take(came)).duplicate
        await again.close()
        return raw is not None, known

    try:
        for days, left in ((2, (True, True)), (4, (False, True)), (8, (False, False))):
            await _serve_a_while(demo_world, Later(days))
            assert await kept() == left, days
    finally:
        await ledger.close()
