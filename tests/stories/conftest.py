"""The service as people run it, in the embedded world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.demo.stage import Stage, stage
from daemon.demo.world import DemoWorld

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def on_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A world and the running service in it, in this process."""
    async with stage(tmp_path) as running:
        yield running


@pytest.fixture
async def demo_world(tmp_path: Path) -> AsyncIterator[DemoWorld]:
    """A world alone; a test starts the service itself."""
    world = await DemoWorld.start(tmp_path)
    yield world
    await world.stop()
