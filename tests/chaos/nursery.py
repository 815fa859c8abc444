"""Children by the hundred: one process imports everything once, and forks each of them.

A child is a real process: it opens the database anew, and SIGKILL ends it as any other. It dies
with the nursery, and the nursery with whoever asked for it.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the nursery."""

    pid: int
    _nursery: Nursery

    def send(self, number: signal.Signals) -> None:
        """A signal; one that ended already gets none."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds it."""
        with suppress(FileNotFoundError), open(f"/proc/{self.pid}/stat") as stat:  # noqa: PTH123 - read by the thousand
            return stat.read().rpartition(")")[2].split()[0] == "T"
        return False

    async def ended(self, within_s: float) -> int | None:
        """Its exit code, negative for a signal; None while it lives on after that time."""
        handle = os.pidfd_open(self.pid)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(handle, over.set)
        try:
            await asyncio.wait_for(over.wait(), within_s)
        except TimeoutError:
            return None
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        return int((await self._nursery.ask({"bury": self.pid}))["code"])

    async def kill(self) -> None:
        """SIGKILL, and wait for it."""
        self.send(signal.SIGKILL)
        await self.ended(30)


class Nursery:
    """Talks to the forking process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def bear(self, work: str, log: Path, **arguments: Any) -> Child:
        """A child that runs `tests.chaos.children.<work>` with these JSON arguments."""
        order = {"work": work, "log": str(log), "arguments": arguments}
        return Child(int((await self.ask(order))["pid"]), self)

    async def ask(self, order: Mapping[str, Any]) -> Any:
        """Its answer to an order."""
        if self._process.stdin is None or self._process.stdout is None:
            raise EOFError
        async with self._turn:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def nursery(environment: Mapping[str, str] | None = None) -> AsyncIterator[Nursery]:
    """Open until the block ends; `environment` is added to ours."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.nursery"),
        stdin=pipe,
        stdout=pipe,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield Nursery(process)
    finally:
        if process.stdin:
            process.stdin.close()
        await process.wait()


def main() -> None:
    """Fork and bury as told, until nobody tells anything more."""
    works = importlib.import_module("tests.chaos.children")
    for line in sys.stdin:
        order = json.loads(line)
        answer = _bury(order["bury"]) if "bury" in order else _bear(works, order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _bury(child: int) -> dict[str, int]:
    return {"code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


def _bear(works: object, order: Mapping[str, Any]) -> dict[str, int]:
    parent = os.getpid()
    child = os.fork()
    if child:
        return {"pid": child}
    try:
        _die_with(parent)
        _write_to(order["log"])
        getattr(works, order["work"])(**order["arguments"])
    except BaseException as error:  # noqa: BLE001 - told by the exit code and in the log
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)
    os._exit(0)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _write_to(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for old, new in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(old, new)


if __name__ == "__main__":
    main()
