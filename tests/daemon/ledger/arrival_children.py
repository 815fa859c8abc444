"""Real processes that take messages in, for tests; see `children`.

`python -m tests.daemon.ledger.arrival_children VERB URL TIMES`.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from typing import TYPE_CHECKING

from daemon.ledger import Ledger
from probes.token import new_id
from tests.daemon.ledger.arrival_samples import arrival, intake
from tests.daemon.ledger.children import all_well, fork, kill_at_a_random_moment, say

if TYPE_CHECKING:
    from daemon.ledger.arrivals import Arrivals

AT_ONCE = 8
SAME = 60


async def rival(url: str) -> None:
    """Take the same messages as the others do, in an order of one's own; say how each went."""
    ledger = await Ledger.open(url)
    arrivals = intake(ledger)

    async def take(name: int) -> None:
        taken = await arrivals.take(arrival(name))
        say(f"{name}:{taken.message}:{'again' if taken.duplicate else 'new'}")

    await asyncio.gather(*map(take, random.sample(range(SAME), SAME)))
    await arrivals.close()
    await ledger.close()


async def mortal(url: str, ready: int) -> None:
    """Take messages until killed, several at once, saying each one's name when it is taken."""
    arrivals = await _begin(url, ready)

    async def client() -> None:
        while True:
            name = new_id()
            await arrivals.take(arrival(name))
            say(name)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


async def hasty_mortal(url: str, ready: int) -> None:
    """The same, but saying each one's name before it is taken: what a test must catch."""
    arrivals = await _begin(url, ready)

    async def client() -> None:
        while True:
            name = new_id()
            say(name)
            await arrivals.take(arrival(name))

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


async def _begin(url: str, ready: int) -> Arrivals:
    arrivals = intake(await Ledger.open(url))
    await arrivals.take(arrival(new_id()))
    os.write(ready, b".")
    return arrivals


def main(verb: str, url: str, times: int) -> bool:
    if verb == "rivals":
        return all_well([fork(rival(url)) for _ in range(times)])
    for _ in range(times):
        kill_at_a_random_moment(url, {"mortals": mortal, "hasty-mortals": hasty_mortal}[verb])
    return True


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
