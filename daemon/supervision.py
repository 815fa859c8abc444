"""Keeps the service's loops alive, knows when each last came round, and stops them gracefully.

Short rounds are jobs of APScheduler; loops of their own (a mailbox that idles) are tasks that are
started again when they fall. A loop that has not come round in time makes the service unhealthy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from daemon.clock import Clock

log = structlog.get_logger()

JUMP = timedelta(seconds=30)
"""A wall clock that leaves the monotonic one by more than this was set, not slewed."""

RESTART_AFTER_S = 5.0
SHORTEST_S = 0.2
"""Real seconds between two rounds, however fast the clock runs."""
DRAIN_S = 14.0
"""Of the 15 that the service takes to end; the rest is for closing what is open."""


@dataclass(slots=True)
class _Pulse:
    allowed_s: float
    last: float


class Supervisor:
    """Runs rounds and loops until stopped; `beat` is told each time one comes round.

    What a round raises is logged with its traceback; of `troubles`, which are no bugs, the sentence
    is enough.
    """

    def __init__(
        self,
        clock: Clock,
        beat: Callable[[str], None],
        troubles: tuple[type[Exception], ...] = (),
    ) -> None:
        self._clock = clock
        self._beat = beat
        self._troubles = troubles
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._tasks: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[Any]] = set()
        self._pulses: dict[str, _Pulse] = {}

    def every(self, seconds: float, name: str, round_: Callable[[], Awaitable[object]]) -> None:
        """Run a round at once and then every `seconds`; a slow one is not started twice."""

        async def job() -> None:
            task = asyncio.ensure_future(round_())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.wait({task})  # APScheduler cancels its jobs, and not what they wait for
            if task.cancelled():
                return
            if error := task.exception():
                self._say("round failed", name, error)
            else:
                self.pulse(name)

        interval = max(SHORTEST_S, self._clock.real_s(seconds))
        self._expect(name, interval * 3 + 60)
        self._scheduler.add_job(
            job,
            IntervalTrigger(seconds=interval),
            name=name,
            next_run_time=datetime.now(UTC),  # APScheduler knows the wall's time only
            coalesce=True,
            misfire_grace_time=None,
        )

    def forever(
        self, name: str, loop: Callable[[], Coroutine[Any, Any, None]], *, allowed_s: float
    ) -> None:
        """Keep a loop of its own alive; it calls `pulse(name)` at least every `allowed_s`."""
        self._expect(name, allowed_s)
        self._tasks.append(asyncio.create_task(self._kept_alive(name, loop), name=name))

    def pulse(self, name: str) -> None:
        """The loop has come round."""
        self._pulses[name].last = time.monotonic()
        self._beat(name)

    def stalled(self) -> list[str]:
        """The loops that have not come round within their time: empty when all is well."""
        now = time.monotonic()
        return [name for name, p in self._pulses.items() if now - p.last > p.allowed_s]

    def start(self) -> None:
        """Begin; the loops run until `stop`."""
        self._scheduler.start()
        self._tasks.append(asyncio.create_task(self._watch_clock(), name="clock"))

    async def stop(self) -> None:
        """Start nothing more; let running rounds end while the loops do, then cancel what is left.

        Within 15 seconds, if no loop takes longer than that to end.
        """
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
        for task in self._tasks:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_S)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for round_ in self._running:
            round_.cancel()
        await asyncio.gather(*self._tasks, *self._running, return_exceptions=True)

    def _expect(self, name: str, allowed_s: float) -> None:
        self._pulses[name] = _Pulse(allowed_s, time.monotonic())

    def _say(self, event: str, name: str, error: BaseException) -> None:
        if isinstance(error, self._troubles):
            log.error(event, loop=name, why=str(error))
        else:
            log.error(event, loop=name, exc_info=error)

    async def _kept_alive(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await loop()
            except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
                self._say("loop fell and is started again", name, error)
            await self._clock.sleep(RESTART_AFTER_S)

    async def _watch_clock(self) -> None:
        """APScheduler plans in wall time: after the clock was set back it would sleep that long."""
        offset = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(1)
            drift, offset = time.time() - time.monotonic() - offset, time.time() - time.monotonic()
            if abs(drift) > JUMP.total_seconds():
                log.warning("the clock was set; rounds are planned anew", seconds=round(drift))
                self.replan()

    def replan(self) -> None:
        """Plan every round from this instant on."""
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))


def notify_systemd(message: str) -> None:
    """Tell systemd ("READY=1", "WATCHDOG=1", "STOPPING=1"); else do nothing (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall(message.encode())
