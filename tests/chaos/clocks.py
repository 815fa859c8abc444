"""Clocks by which a harness lets leases run out and retries fall due without waiting for them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from daemon.clock import Clock

FACTOR = 600.0
"""Of the shared clock: the first retry, after five minutes, comes after half a second."""


class Later(Clock):
    """The system's clock, some seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._ahead


class Shared(Clock):
    """Runs `factor` times as fast, and shows the same in every process of this machine.

    `real_s` gives real seconds: a lease lasts as long as it is told to.
    """

    def __init__(self, factor: float, began: float) -> None:
        """`began` is the instant of time.monotonic() at which it was right."""
        self._factor, self._began = factor, began
        self._at = datetime.now(UTC) - timedelta(seconds=time.monotonic() - began)

    def now(self) -> datetime:
        return self._at + timedelta(seconds=(time.monotonic() - self._began) * self._factor)

    def real_s(self, seconds: float) -> float:
        return seconds / self._factor
