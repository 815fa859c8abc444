"""Many small writes in few transactions: whatever waits is committed together, and only then told.

A commit costs the same for one job as for many, so nobody is made to wait for company: while one
transaction is written to disk, those who come meanwhile gather for the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from daemon.ledger.failures import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from daemon.ledger.database import Ledger

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

log = structlog.get_logger()

MOST = 256
"""Jobs in one transaction."""
PATIENCE_S = 1.9
"""How long a submitter waits at the most: who waits for him is to be answered within 2 seconds."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Job, Outcome]):
    job: Job
    outcome: asyncio.Future[Outcome]


_Batch = list[_Waiting[Job, Outcome]]


class GroupCommit(Generic[Job, Outcome]):
    """Carries out jobs in the order in which they were submitted, many in one transaction.

    `carry_out` gets a connection within a transaction and the jobs, and returns one outcome for
    each. On SQLite it runs in the writer thread: it may use nothing but its arguments. It must bear
    being called again for a job whose transaction was undone.
    """

    def __init__(
        self, ledger: Ledger, carry_out: Callable[[Connection, Sequence[Job]], Sequence[Outcome]]
    ) -> None:
        self._ledger, self._carry_out = ledger, carry_out
        self._waiting: deque[_Waiting[Job, Outcome]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, job: Job) -> Outcome:
        """The job's outcome, once it is durable.

        Raises LedgerError, within 2 seconds, when the database is locked, away, full (LedgerFull)
        or too slow; in the last case the job may have been carried out all the same. Whatever
        `carry_out` raises for this job alone is raised here.
        """
        if self._closed:
            raise LedgerError("The ledger takes nothing more: it is being closed.")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append(_Waiting(job, outcome))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        # asyncio.timeout takes a tenth of all that a message costs the loop
        too_slow = LedgerError("The ledger failed: the database is too slow.")
        timer = loop.call_later(PATIENCE_S, _give_up, outcome, too_slow)
        try:
            return await outcome
        finally:
            timer.cancel()

    async def close(self) -> None:
        """Take no more jobs, and carry out those that wait."""
        self._closed = True
        if self._running:
            await self._running

    async def _run(self) -> None:
        while self._waiting:
            for suspect in await self._commit(self._next_batch):
                await self._commit(partial(list, (suspect,)))

    def _next_batch(self) -> _Batch[Job, Outcome]:
        """Those who wait, but for whoever gave up."""
        count = min(len(self._waiting), MOST)
        batch = [self._waiting.popleft() for _ in range(count)]
        return [waiting for waiting in batch if not waiting.outcome.done()]

    async def _commit(self, gather: Callable[[], _Batch[Job, Outcome]]) -> _Batch[Job, Outcome]:
        """Carry out a batch and tell its submitters; returns those to be tried one by one."""
        async with self._ledger.turn() as transact:
            batch = gather()  # only now: whoever came while others wrote takes part
            try:
                outcomes = await transact(lambda conn: self._all(conn, batch)) if batch else []
            except LedgerError as error:
                _fail(batch, error)
            except Exception as error:  # noqa: BLE001 - one job's mistake must not sink the others
                if len(batch) > 1:
                    log.warning("batch undone", jobs=len(batch), why=str(error))
                    return batch
                _fail(batch, error)
            else:
                _succeed(batch, outcomes)
        return []

    def _all(self, conn: Connection, batch: _Batch[Job, Outcome]) -> Sequence[Outcome]:
        outcomes = self._carry_out(conn, [waiting.job for waiting in batch])
        if len(outcomes) != len(batch):  # now, while it can be undone
            raise ValueError(f"{len(outcomes)} outcomes of {len(batch)} jobs")
        return outcomes


def _succeed(batch: _Batch[Job, Outcome], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if not waiting.outcome.done():
            waiting.outcome.set_result(outcome)


def _fail(batch: _Batch[Job, Outcome], error: Exception) -> None:
    for waiting in batch:
        if not waiting.outcome.done():
            waiting.outcome.set_exception(error)


def _give_up(outcome: asyncio.Future[Outcome], error: LedgerError) -> None:
    if not outcome.done():
        outcome.set_exception(error)
