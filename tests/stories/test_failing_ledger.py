"""A ledger that refuses to write for a while costs time, never a sighting."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from daemon.assembly.engine import open_engine
from daemon.clock import Clock
from daemon.ledger import probes
from daemon.lifecycles.probe import ProbeState
from daemon.metrics import Metrics
from daemon.settings import load
from tests.stories.programs import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.demo.world import DemoWorld

REFUSE = """CREATE TRIGGER refuse BEFORE INSERT ON sightings
            BEGIN SELECT RAISE(ABORT, 'not now'); END"""


@contextmanager
def no_sighting_is_taken(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        conn.execute(REFUSE)
        yield
        conn.execute("DROP TRIGGER refuse")


async def test_what_was_found_and_could_not_be_stored_is_found_again(
    demo_world: DemoWorld, tmp_path: Path
) -> None:
    async with open_engine(load(demo_world.settings_file), Clock(), Metrics("0")) as engine:
        reader = engine.readers["gmail-1"]
        [pair] = [p for p in engine.pairs if (p.seed, p.route) == ("gmail-1", "primary")]
        assert await reader.run_once()

        async def is_refused() -> bool:
            try:
                await reader.run_once()
            except IntegrityError:
                return True
            return False

        async def is_sighted() -> bool:
            await reader.run_once()
            async with engine.around.ledger.read() as conn:
                row = await probes.get(conn, probe)
            return row is not None and row.state is ProbeState.SIGHTED

        with no_sighting_is_taken(tmp_path / "ledger.db"):
            [probe] = await engine.launcher.launch_now([pair])
            assert await until(is_refused, within_s=10)
        assert await until(is_sighted, within_s=10)
