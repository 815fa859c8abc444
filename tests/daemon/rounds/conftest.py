"""A ledger, a clock that stands where it is put, and metrics: what rounds work with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daemon.clock import Clock
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.rounds.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class HeldClock(Clock):
    """Time that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_(self, **time: float) -> datetime:
        self.at += timedelta(**time)
        return self.at


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def around(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Surroundings]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    ledger = await Ledger.open(url)
    await ledger.migrate()
    yield Surroundings(ledger, HeldClock(), Metrics("0"))
    await ledger.close()
