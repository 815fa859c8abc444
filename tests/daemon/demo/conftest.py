from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.demo.world import DemoWorld

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DemoWorld]:
    running = await DemoWorld.start(tmp_path)
    yield running
    await running.stop()
