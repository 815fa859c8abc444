"""All checks on one message: in this process, or in a worker that can be killed.

A regular expression that runs away holds every thread of its process, and no time-out inside can
end it. So strangers' messages are examined in a child process with a budget.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import probes.checks
from probes.catalogue import scan
from probes.check import Check, not_evaluable
from probes.letter import TooHostile, read_letter
from probes.observation import Finding, Specimen
from probes.received import received_at

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

    from probes.resolver import Resolver

START_S = 30.0
_MAX_ANSWER = 16 * 1024 * 1024


@functools.cache
def all_checks() -> tuple[Check, ...]:
    """Every check in probes/checks, by name."""
    return tuple(scan(probes.checks, "CHECK", Check).values())


async def examine_all(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """Make every check in this process; raises nothing, a check that breaks is a finding."""
    inquiry = resolver.inquiry()
    groups = await asyncio.gather(*(_examine(c, specimen, inquiry) for c in all_checks()))
    return tuple(finding for group in groups for finding in group)


async def diagnose(
    raw: bytes, resolver: Resolver, trusted_hosts: Sequence[str], now: datetime | None = None
) -> tuple[Finding, ...]:
    """Make every check on a message from a file, in this process; `now` defaults to the clock."""
    specimen = specimen_of(raw, trusted_hosts, now or datetime.now(UTC))
    return await examine_all(specimen, resolver)


def specimen_of(
    raw: bytes, trusted_hosts: Sequence[str], now: datetime, *, truncated: bool = False
) -> Specimen:
    """The message with the time at which the provider had it, `now` where nothing tells."""
    try:
        arrived = received_at(read_letter(raw), trusted_hosts)
    except TooHostile:
        arrived = None
    return Specimen(raw, arrived or now, tuple(trusted_hosts), truncated)


async def _examine(check: Check, specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    try:
        return await check.examine(specimen, resolver)
    except TooHostile as error:
        return (not_evaluable(check.name, f"The message is not parsed: {error}."),)
    except Exception as error:  # noqa: BLE001 - one check's defect must not cost the others
        reason = f"The check broke down on this message ({type(error).__name__})."
        return (not_evaluable(check.name, reason, error=str(error)[:500]),)


class Examiner:
    """Makes every check in a child process, one message at a time.

    A message that takes longer than `budget_s` costs the child its life; the next one starts a
    new child. `timeout_s` bounds one DNS look-up and is shortened where the budget demands it.
    """

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        port: int = 53,
        timeout_s: float = 5.0,
        budget_s: float = 10.0,
    ) -> None:
        self._budget_s = budget_s
        # An inquiry waits for DNS at most twice as long, which must leave time to compute.
        dns_s = min(timeout_s, 0.3 * budget_s)
        self._settings = json.dumps([list(nameservers), port, dns_s, budget_s])
        self._turn = asyncio.Lock()
        self._worker: Process | None = None

    async def examine(self, specimen: Specimen) -> tuple[Finding, ...]:
        """Every check's findings; when the child is too slow or dies, findings that say so."""
        async with self._turn:
            try:
                worker = await self._started()
                return await asyncio.wait_for(_ask(worker, specimen), self._budget_s)
            except TimeoutError:
                await self._kill()
                return _all(f"Not evaluable: took longer than {self._budget_s:g} s.")
            except (OSError, EOFError, ValueError) as error:
                code = await self._kill()
                reason = f"The examining process died ({type(error).__name__}, exit code {code})."
                return _all(reason)
            except BaseException:
                # Cancelled in the middle of a job: the child's next answer would be the old one.
                await self._kill()
                raise

    async def close(self) -> None:
        """End the child; a job in progress is waited for."""
        async with self._turn:
            await self._kill()

    async def _started(self) -> Process:
        if self._worker is None or self._worker.returncode is not None:
            await self._kill()
            self._worker = await _start(self._settings)
        return self._worker

    async def _kill(self) -> int | None:
        worker, self._worker = self._worker, None
        if worker is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        await worker.communicate()
        return worker.returncode


async def _start(settings: str) -> Process:
    """A child that has imported everything; raises EOFError or TimeoutError when it cannot."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "probes.worker",
        settings,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Nothing of our environment, where secrets may be, reaches the parser of hostile input.
        env=_environment(),
        # Ctrl-C in a terminal ends the daemon, which then ends the child.
        start_new_session=True,
        limit=_MAX_ANSWER,
    )
    await asyncio.wait_for(_read_line(worker), START_S)
    return worker


def _environment() -> dict[str, str]:
    # Each thread's own malloc arena would use up the worker's address space on many cores.
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MALLOC_ARENA_MAX": "2"}


async def _ask(worker: Process, specimen: Specimen) -> tuple[Finding, ...]:
    if worker.stdin is None:
        raise EOFError("the examining process has no input")
    job = {
        "size": len(specimen.raw),
        "signed_at": specimen.signed_at.isoformat(),
        "trusted_hosts": specimen.trusted_hosts,
        "truncated": specimen.truncated,
    }
    worker.stdin.write(json.dumps(job).encode() + b"\n" + specimen.raw)
    await worker.stdin.drain()
    answer = json.loads(await _read_line(worker))
    return tuple(Finding.from_json(record) for record in answer)


async def _read_line(worker: Process) -> bytes:
    line = await worker.stdout.readline() if worker.stdout else b""
    if not line.endswith(b"\n"):
        raise EOFError("the examining process ended")
    return line


def _all(reason: str) -> tuple[Finding, ...]:
    return tuple(not_evaluable(check.name, reason) for check in all_checks())
