"""A child process that works on strangers' bytes, one job at a time, and can be killed.

A regular expression that runs away holds every thread of its process, and no time-out inside can
end it. So what strangers wrote is taken apart in a child with a budget of time and memory; what it
runs is named by the text "module:function" (see `probes.worker_process`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping

START_S = 30.0
MAX_MEMORY = 2 * 1024**3
_MAX_ANSWER = 16 * 1024 * 1024


class WorkerError(Exception):
    """The job was not done; the text is a clause that says why, and the next job may well be."""


class WorkerLost(WorkerError):  # noqa: N818 - named after what happened to it
    """The job, or somebody else, cost the worker its life."""


class WorkerTooSlow(WorkerLost):
    """The job took longer than the budget, and the worker was killed for it."""


class WorkerNotStarted(WorkerError):  # noqa: N818 - as WorkerLost
    """No worker came up: the job was never begun, and is not to blame."""


class Worker:
    """Runs `begin`, "module:function", in a child; the first job starts it.

    `settings` is JSON that the function gets once. A job over `budget_s` seconds costs the child
    its life, as one over `memory` bytes of address space may.
    """

    def __init__(
        self, begin: str, settings: object = None, *, budget_s: float, memory: int = MAX_MEMORY
    ) -> None:
        self._orders = json.dumps([begin, settings, budget_s, memory])
        self._budget_s = budget_s
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._process.pid if self._process else None

    async def ask(self, job: Mapping[str, Any], raw: bytes) -> Any:  # noqa: ANN401 - JSON
        """The JSON that the child answers to `job` (JSON too) and `raw`; raises WorkerError."""
        async with self._turn:
            process = await self._started()
            try:
                return await asyncio.wait_for(_exchange(process, job, raw), self._budget_s)
            except TimeoutError:
                await self._kill()
                raise WorkerTooSlow(f"took longer than {self._budget_s:g} s") from None
            except (OSError, EOFError, ValueError) as error:
                code = await self._kill()
                how = f"{type(error).__name__}, exit code {code}"
                raise WorkerLost(f"the examining process died ({how})") from error
            except BaseException:
                # Cancelled in the middle of a job: the child's next answer would be the old one.
                await self._kill()
                raise

    async def close(self) -> None:
        """End the child; a job in progress is waited for."""
        async with self._turn:
            await self._kill()

    async def _started(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._kill()
        try:
            self._process = await _spawn(self._orders)
            await asyncio.wait_for(_read_line(self._process), START_S)
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            await self._kill()
            why = type(error).__name__
            raise WorkerNotStarted(f"the examining process did not start ({why})") from error
        except BaseException:
            await self._kill()
            raise
        return self._process

    async def _kill(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        return process.returncode


async def _spawn(orders: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "probes.worker_process",
        orders,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Nothing of our environment, where secrets may be, reaches the parser of hostile input.
        env=_environment(),
        # Ctrl-C in a terminal ends the daemon, which then ends the child.
        start_new_session=True,
        limit=_MAX_ANSWER,
    )


def _environment() -> dict[str, str]:
    # Each thread's own malloc arena would use up the worker's address space on many cores.
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MALLOC_ARENA_MAX": "2"}


async def _exchange(process: Process, job: Mapping[str, Any], raw: bytes) -> Any:  # noqa: ANN401 - JSON
    if process.stdin is None:
        raise EOFError("the examining process has no input")
    process.stdin.write(json.dumps([len(raw), job]).encode() + b"\n" + raw)
    await process.stdin.drain()
    return json.loads(await _read_line(process))


async def _read_line(process: Process) -> bytes:
    line = await process.stdout.readline() if process.stdout else b""
    if not line.endswith(b"\n"):
        raise EOFError("the examining process ended")
    return line
