"""The worker that can be killed: what a job may cost, and what it may not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psutil
import pytest

from probes.worker import Worker, WorkerLost, WorkerNotStarted, WorkerTooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BEGIN = "tests.probes.worker_jobs:begin"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(BEGIN, {"greeting": "hello"}, budget_s=5, memory=512 * 1024**2)
    yield worker
    await worker.close()


async def test_it_answers_from_another_process_with_settings_job_and_bytes(worker: Worker) -> None:
    assert await worker.ask({}, b"\n\0" * 100_000) == {"greeting": "hello", "size": 200_000}
    assert worker.pid in {child.pid for child in psutil.Process().children()}


async def test_a_job_over_the_budget_is_killed_and_the_next_gets_a_new_worker() -> None:
    worker = Worker(BEGIN, {"greeting": "hello"}, budget_s=0.5)
    try:
        await worker.ask({}, b"")
        first = worker.pid
        with pytest.raises(WorkerTooSlow, match=r"took longer than 0\.5 s"):
            await worker.ask({"sleep_s": 60}, b"")
        assert first is not None
        assert not psutil.pid_exists(first)
        assert (await worker.ask({}, b"x"))["size"] == 1
    finally:
        await worker.close()


@pytest.mark.parametrize("job", [{"die": True}, {"fat": 1024**3}], ids=["exit", "out of memory"])
async def test_a_job_that_ends_the_worker_is_told_from_one_that_was_never_begun(
    worker: Worker, job: dict[str, object]
) -> None:
    with pytest.raises(WorkerLost, match="died"):
        await worker.ask(job, b"")
    assert (await worker.ask({}, b"x"))["size"] == 1


async def test_a_worker_that_does_not_come_up_is_not_the_jobs_fault_and_leaves_no_process() -> None:
    before = psutil.Process().children()
    worker = Worker("tests.probes.worker_jobs:nothing_of_the_kind", budget_s=5)
    with pytest.raises(WorkerNotStarted):
        await worker.ask({}, b"")
    assert worker.pid is None
    assert psutil.Process().children() == before


async def test_a_cancelled_start_leaves_no_process(worker: Worker) -> None:
    job = asyncio.create_task(worker.ask({}, b""))
    async with asyncio.timeout(10):
        while worker.pid is None:
            await asyncio.sleep(0)
    pid = worker.pid
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not psutil.pid_exists(pid)
