"""The one source of time; every pure decision gets its instants as arguments."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class Clock:
    """The system's clock: aware UTC instants and real seconds."""

    def now(self) -> datetime:
        """This instant."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds; cancellable."""
        await asyncio.sleep(seconds)
