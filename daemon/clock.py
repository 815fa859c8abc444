"""The one source of time; every pure decision gets its instants as arguments."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The system's clock: aware UTC instants and real seconds."""

    def now(self) -> datetime:
        """This instant."""
        return datetime.now(UTC)

    def real_s(self, seconds: float) -> float:
        """How many real seconds these seconds last: for what waits without this clock."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock; cancellable."""
        await asyncio.sleep(self.real_s(seconds))


class ScaledClock(Clock):
    """Time that runs `factor` times as fast from this instant on: minutes pass as seconds."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._began, self._at = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """The instant that it is by this clock."""
        return self._began + timedelta(seconds=(time.monotonic() - self._at) * self._factor)

    def real_s(self, seconds: float) -> float:
        """A part of the seconds that this clock counts."""
        return seconds / self._factor
