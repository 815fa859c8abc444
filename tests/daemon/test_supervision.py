"""Loops are kept alive, known when they stall, and stopped without losing work under way."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daemon.clock import Clock
from daemon.supervision import Supervisor, notify_systemd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor(Clock(), lambda _name: None)
    yield made
    await made.stop()


async def test_a_round_runs_at_once_and_again(supervisor: Supervisor) -> None:
    twice = asyncio.Semaphore(0)

    async def round_() -> None:
        twice.release()

    supervisor.every(0.05, "round", round_)
    supervisor.start()
    async with asyncio.timeout(10):
        await twice.acquire()
        await twice.acquire()


async def test_a_round_that_fails_is_run_again_and_does_not_count_as_come_round() -> None:
    beats: list[str] = []
    supervisor = Supervisor(Clock(), beats.append)
    tries = asyncio.Semaphore(0)

    async def round_() -> None:
        tries.release()
        raise RuntimeError("once more")

    supervisor.every(0.05, "round", round_)
    supervisor.start()
    async with asyncio.timeout(10):
        await tries.acquire()
        await tries.acquire()
    await supervisor.stop()
    assert beats == []


async def test_a_loop_that_falls_is_started_again(supervisor: Supervisor) -> None:
    class Quick(Clock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(min(seconds, 0.01))

    supervisor._clock = Quick()
    starts = asyncio.Semaphore(0)

    async def loop() -> None:
        starts.release()
        raise RuntimeError("fell")

    supervisor.forever("loop", loop, allowed_s=60)
    supervisor.start()
    async with asyncio.timeout(10):
        await starts.acquire()
        await starts.acquire()


async def test_a_loop_that_does_not_come_round_is_told(supervisor: Supervisor) -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    supervisor.forever("hung", hangs, allowed_s=0.01)
    supervisor.forever("patient", hangs, allowed_s=600)
    supervisor.start()
    async with asyncio.timeout(10):
        while supervisor.stalled() != ["hung"]:
            await asyncio.sleep(0.01)
    supervisor.pulse("hung")
    assert "patient" not in supervisor.stalled()


async def test_stopping_lets_a_running_round_end(supervisor: Supervisor) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def round_() -> None:
        started.set()
        await asyncio.sleep(0.2)
        ended.set()

    supervisor.every(3600, "round", round_)
    supervisor.start()
    await started.wait()
    await supervisor.stop()
    assert ended.is_set()


async def test_a_clock_that_was_set_back_by_a_day_does_not_stop_the_rounds(
    supervisor: Supervisor,
) -> None:
    runs = asyncio.Semaphore(0)

    async def round_() -> None:
        runs.release()

    supervisor.every(3600, "round", round_)
    [job] = supervisor._scheduler.get_jobs()
    job.modify(next_run_time=datetime.now(UTC) + timedelta(days=1))  # as the old clock had planned
    supervisor.start()
    supervisor.replan()
    async with asyncio.timeout(10):
        await runs.acquire()


def test_systemd_is_told_on_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_systemd("READY=1")
        assert listening.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify_systemd("READY=1")
