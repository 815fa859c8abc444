"""Whose probes go out, and when: a dead relay, and a seed's day that is full."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import yaml

from daemon.assembly.engine import open_engine
from daemon.clock import Clock
from daemon.ledger import probes
from daemon.metrics import Metrics
from daemon.settings import load
from tests.stories.programs import change, until

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.assembly.engine import Engine
    from daemon.demo.world import DemoWorld
    from daemon.ledger.probes import ProbeRow


async def rows(engine: Engine) -> list[ProbeRow]:
    async with engine.around.ledger.read() as conn:
        return await probes.recent(conn, shop=None, limit=1000)


def send_by(settings: Path, route: str, port: int) -> None:
    """Let a shop's route submit to another port."""
    shops = yaml.safe_load(settings.read_text())["shops"]
    next(r for r in shops[0]["routes"] if r["name"] == route)["smtp"]["port"] = port
    change(settings, shops=shops)


async def test_a_relay_that_says_nothing_holds_up_its_own_route_alone(
    demo_world: DemoWorld,
) -> None:
    connected: list[asyncio.StreamWriter] = []
    frozen = await asyncio.start_server(lambda _r, w: connected.append(w), "127.0.0.1", 0)
    send_by(demo_world.settings_file, "primary", frozen.sockets[0].getsockname()[1])
    change(demo_world.settings_file, cadence={"fallback": "2s", "deadline": "1s", "jitter": 0.0})
    settings = load(demo_world.settings_file)
    async with open_engine(settings, Clock(), Metrics("0")) as engine:

        async def fallback_goes_on() -> bool:
            await engine.launcher.run_once(engine.pairs)
            sent = Counter(r.seed for r in await rows(engine) if r.route == "fallback")
            return len(sent) == 3 and min(sent.values()) >= 2

        await until(fallback_goes_on, within_s=20)
        waiting = [r for r in await rows(engine) if r.route == "primary"]
        assert len(waiting) == len(connected) == 3
        for writer in connected:
            writer.close()
    frozen.close()


async def test_a_seeds_cap_holds_over_all_routes_that_begin_at_once(demo_world: DemoWorld) -> None:
    change(demo_world.settings_file, cadence={"per_seed_per_day": 2, "jitter": 0.0})
    settings = load(demo_world.settings_file)
    async with (
        open_engine(settings, Clock(), Metrics("0")) as one,
        open_engine(settings, Clock(), Metrics("0")) as other,
    ):

        async def both_rest() -> bool:
            await asyncio.gather(*(e.launcher.run_once(e.pairs) for e in (one, other)))
            return len(await rows(one)) >= 6

        await until(both_rest, within_s=20)
    async with open_engine(settings, Clock(), Metrics("0")) as engine:
        assert Counter(row.seed for row in await rows(engine)) == dict.fromkeys(
            ("gmail-1", "outlook-1", "yahoo-1"), 2
        )
