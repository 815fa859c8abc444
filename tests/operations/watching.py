"""The service in the embedded world, with a real Prometheus and Alertmanager that watch it."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from daemon.demo.stage import Stage, stage
from tests.operations import servers
from tests.stories.programs import address, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.clock import Clock


@dataclass(frozen=True, slots=True)
class Watched:
    """A running service and everything that watches it; `alertmanager` is host:port."""

    stage: Stage
    http: httpx2.AsyncClient
    prometheus: str
    alertmanager: str
    inbox: servers.Inbox

    async def ask(self, expr: str, at: float | None = None) -> list[float]:
        """The values of an instant query, without those that are not a number.

        `at` is the instant in seconds since the epoch, now by default.
        """
        query = {"query": expr} if at is None else {"query": expr, "time": str(at)}
        answer = (await self.http.post(f"{self.prometheus}/api/v1/query", data=query)).json()
        assert answer["status"] == "success", f"{expr}: {answer['error']}"
        values = [float(sample["value"][1]) for sample in answer["data"]["result"]]
        return [value for value in values if not math.isnan(value)]

    async def heard(self, alertname: str, status: str, *, within_s: float = 30.0) -> dict[str, Any]:
        """The next message about an alert; raises queue.Empty when none comes in time."""
        return await asyncio.to_thread(self.inbox.next_of, alertname, status, within_s)

    async def reload(self) -> int:
        """Ask the service to read its settings again; the HTTP status that it answers."""
        url = address(self.stage.world.settings_file, "metrics")
        return (await self.http.post(f"{url}/-/reload")).status_code

    async def another_round(self) -> None:
        """One probe by every route to every seed, at once."""
        engine = self.stage.service.engine
        await engine.launcher.launch_now(engine.pairs)


@asynccontextmanager
async def watched_world(
    directory: Path,
    *,
    seeds_per_provider: int = 1,
    clock: Clock | None = None,
    selling: bool = False,
) -> AsyncIterator[Watched]:
    """Everything, running; Prometheus has scraped the service at least once.

    `selling` has the embedded shop hand in a receipt every two seconds.
    """
    async with (
        stage(
            directory, seeds_per_provider=seeds_per_provider, clock=clock, selling=selling
        ) as running,
        httpx2.AsyncClient(timeout=10) as http,
    ):
        metrics = address(running.world.settings_file, "metrics").removeprefix("http://")
        with (
            servers.inbox() as inbox,
            servers.alertmanager(inbox.url) as alertmanager,
            servers.prometheus(metrics, alertmanager) as prometheus,
        ):
            watched = Watched(running, http, prometheus, alertmanager, inbox)
            await until(lambda: watched.ask("receiptwatch_build_info"))
            yield watched
