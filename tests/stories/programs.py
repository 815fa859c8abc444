"""The command line as a child process, as people and systemd start it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

COMMAND = (sys.executable, "-m", "daemon")
ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "COLUMNS": "200"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A verb that ran to its end."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def receiptwatch(*words: str | Path) -> Ended:
    """Run a verb and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *map(str, words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def running(settings: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`receiptwatch run` while the block lasts; killed at its end if it still runs."""
    log = settings.with_suffix(".log").open("ab")
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "run", "--config", str(settings), *words, stdout=log, stderr=log, env=ENVIRONMENT
    )
    try:
        yield process
    finally:
        log.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def address(settings: Path, which: str) -> str:
    """The base URL of `listen.console` or `listen.metrics`."""
    return f"http://{yaml.safe_load(settings.read_text())['listen'][which]}"


def change(settings: Path, **sections: Any) -> None:
    """Replace top-level keys of a settings file; a mapping is merged into the old one."""
    document = yaml.safe_load(settings.read_text())
    for key, value in sections.items():
        old = document.get(key)
        document[key] = {**old, **value} if isinstance(old, dict) else value
    settings.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


async def until(
    condition: Callable[[], Awaitable[Any]], *, within_s: float = 60.0, every_s: float = 0.1
) -> Any:
    """The first true answer of `condition`; raises TimeoutError when none comes in time."""
    async with asyncio.timeout(within_s):
        while True:
            with suppress(httpx2.TransportError):
                if answer := await condition():
                    return answer
            await asyncio.sleep(every_s)
