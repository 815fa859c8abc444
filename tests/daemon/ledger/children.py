"""Real processes that share a ledger, for tests: `python -m tests.daemon.ledger.children VERB …`.

Everything is imported once and then forked, so that a child costs milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.ledger import Ledger, mailboxes, probes
from probes.observation import Cursor
from tests.daemon.ledger.samples import MINUTE, NOON, planned, sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    Work = Coroutine[Any, Any, None]


def say(words: str) -> None:
    """One write, which the kernel never mixes with another process's."""
    os.write(1, f"{words}\n".encode())


def fork(work: Work) -> int:
    """Do `work` in a process of its own; returns its id."""
    child = os.fork()
    if child:
        work.close()
        return child
    try:
        asyncio.run(work)
    except BaseException as error:  # noqa: BLE001 - reported by the exit status
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)
    os._exit(0)


def all_well(children: list[int]) -> bool:
    statuses = [os.waitpid(child, 0)[1] for child in children]
    return not any(statuses)


async def migrate(url: str) -> None:
    ledger = await Ledger.open(url)
    await ledger.migrate()
    await ledger.close()


async def rival(url: str, slots: int) -> None:
    """Try to take every slot; say which ones were won."""
    ledger = await Ledger.open(url)
    for number in range(slots):
        async with ledger.write() as conn:
            won = await probes.plan(conn, planned(slot=NOON + number * MINUTE))
        if won:
            say(str(number))
    await ledger.close()


async def mortal(url: str, ready: int) -> None:
    """Plan and find probes until killed, saying each one's id after its commit."""
    ledger = await Ledger.open(url)
    await _plan(ledger)
    os.write(ready, b".")
    while True:
        probe = await _plan(ledger)
        say(probe)
        async with ledger.write() as conn:
            await probes.mark_sighted(conn, sighting(probe), latency_s=None, next_look_at=None)
            cursors = {"INBOX": Cursor(7, 43)}
            await mailboxes.looked(conn, probe, NOON, cursors, ["INBOX"], idle=True)


async def hasty_mortal(url: str, ready: int) -> None:
    """The same, but saying each one's id before its commit: what a test must catch."""
    ledger = await Ledger.open(url)
    await _plan(ledger)
    os.write(ready, b".")
    while True:
        await _plan(ledger, say)


async def _plan(ledger: Ledger, before: Callable[[str], None] = lambda _: None) -> str:
    new = planned(slot=NOON + timedelta(microseconds=random.getrandbits(50)))
    before(new.id)
    async with ledger.write() as conn:
        await probes.plan(conn, new)
    return new.id


def kill_at_a_random_moment(url: str, mortal: Callable[[str, int], Work]) -> None:
    awaited, ready = os.pipe()
    child = fork(mortal(url, ready))
    os.close(ready)
    if not os.read(awaited, 1):
        raise RuntimeError("the child died before its first commit")
    os.close(awaited)
    time.sleep(random.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(verb: str, url: str, times: int) -> bool:
    match verb:
        case "migrants":
            return all_well([fork(migrate(url)) for _ in range(times)])
        case "rivals":
            return all_well([fork(rival(url, slots=25)) for _ in range(times)])
    for _ in range(times):
        kill_at_a_random_moment(url, {"mortals": mortal, "hasty-mortals": hasty_mortal}[verb])
    return True


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
