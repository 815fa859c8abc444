"""Reads bounces in a child process that can be killed: strangers wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daemon.intake.bounces.reading import read_bounce
from daemon.intake.bounces.verdict import Bounce, NoBounce, NoBounceKind, from_json
from probes.worker import Worker, WorkerLost, WorkerNotStarted, WorkerTooSlow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

BUDGET_S = 10.0
MAX_MEMORY = 512 * 1024**2


class BounceReader:
    """`read_bounce` with a budget of time and memory, one message at a time.

    A message that costs the child its life is UNREADABLE; the next one gets a new child.
    """

    def __init__(self, budget_s: float = BUDGET_S) -> None:
        self._worker = Worker(f"{__name__}:begin", budget_s=budget_s, memory=MAX_MEMORY)

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


def begin(_settings: object) -> Callable[[Mapping[str, Any], bytes], Any]:
    """What the child runs (`probes.worker`)."""

    def work(job: Mapping[str, Any], raw: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            read = read_bounce(raw, ours=job["ours"], mail_from=job["mail_from"])
        except Exception as error:  # noqa: BLE001 - one message's defect must not cost the others
            why = f"Reading it broke down ({type(error).__name__})."
            read = NoBounce(NoBounceKind.UNREADABLE, why)
        return read.as_json()

    return work
