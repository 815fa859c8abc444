"""Reads bounces in a child process that can be killed: strangers wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.intake.bounces.verdict import Bounce, NoBounce, NoBounceKind, from_json
from probes.worker import Worker, WorkerLost, WorkerNotStarted, WorkerTooSlow

if TYPE_CHECKING:
    from collections.abc import Collection

BUDGET_S = 10.0
MAX_MEMORY = 512 * 1024**2
BEGIN = "daemon.intake.bounces.work:begin"
"""What the child runs; our own process never imports it."""


class BounceReader:
    """`read_bounce` with a budget of time and memory, one message at a time.

    A message that costs the child its life is UNREADABLE; the next one gets a new child.
    """

    def __init__(self, budget_s: float = BUDGET_S) -> None:
        self._worker = Worker(BEGIN, budget_s=budget_s, memory=MAX_MEMORY)

    async def read(
        self, raw: bytes, ours: Collection[str], mail_from: str = ""
    ) -> Bounce | NoBounce:
        """As `read_bounce`; raises WorkerNotStarted when no child comes up."""
        try:
            answer = await self._worker.ask({"ours": list(ours), "mail_from": mail_from}, raw)
        except WorkerNotStarted:
            raise
        except WorkerTooSlow as error:
            return NoBounce(NoBounceKind.UNREADABLE, f"Reading it {error}.")
        except WorkerLost as error:
            return NoBounce(NoBounceKind.UNREADABLE, f"Reading it failed: {error}.")
        return from_json(answer)

    async def close(self) -> None:
        """End the child; a message that is being read is waited for."""
        await self._worker.close()
