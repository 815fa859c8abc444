"""A provider turns against a route: the incident is an alert at the operator's, with its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.clock import ScaledClock
from tests.operations.watching import watched_world

if TYPE_CHECKING:
    from pathlib import Path

MINUTES_AS_SECONDS = 60


@pytest.mark.usefixtures("programs")
async def test_receipts_in_spam_become_an_alert_that_names_route_provider_and_cause(
    tmp_path: Path,
) -> None:
    clock = ScaledClock(MINUTES_AS_SECONDS)
    async with watched_world(tmp_path, seeds_per_provider=3, clock=clock) as watched:
        watched.stage.world.providers["yahoo"].file_as_spam(route="primary")
        [alert] = (await watched.heard("ReceiptsNotLanding", "firing", within_s=60))["alerts"]
        lane = {"shop": "demo", "route": "primary", "provider": "yahoo"}
        assert alert["labels"].items() >= {**lane, "severity": "critical"}.items()
        assert "cause: route" in alert["annotations"]["description"]
        by_cause = 'max by (cause) (receiptwatch_incidents_total{shop="demo"} > 0)'
        assert await watched.ask(by_cause) == [1.0]
