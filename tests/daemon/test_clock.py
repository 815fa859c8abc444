"""Time may run faster, and then everything that waits by it does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from daemon.clock import Clock, ScaledClock


async def test_a_scaled_clock_lets_an_hour_pass_in_a_moment() -> None:
    clock = ScaledClock(36_000)
    began = clock.now()
    async with asyncio.timeout(10):
        await clock.sleep(3600)
    assert timedelta(hours=1) <= clock.now() - began
    assert clock.real_s(3600) == 0.1


def test_the_systems_clock_is_in_utc_and_unscaled() -> None:
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert Clock().real_s(7) == 7
