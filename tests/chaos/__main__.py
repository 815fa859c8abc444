"""Kills, stops and starves the product, and prints what it kept of its promises about mail.

`python -m tests.chaos` runs all parts, about twenty minutes; `python -m tests.chaos PART …` some of
them; `--quick` a little of each. Exit code 1: a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from tests.chaos.figures import tell
from tests.chaos.parts import FULL, PARTS, QUICK, Chaos, start_cluster


async def run(parts: list[str], *, quick: bool) -> int:
    """The number of promises that were broken."""
    cluster = start_cluster()
    chaos = Chaos(QUICK if quick else FULL, cluster)
    began = time.monotonic()
    try:
        for part in parts:
            await PARTS[part](chaos)
            tell(f"{part} done, {time.monotonic() - began:.0f} s since the beginning")
    finally:
        if cluster:
            cluster.stop()
    tell(f"{chaos.broken} broken" if chaos.broken else "Every promise was kept.")
    return chaos.broken


def main() -> int:
    """Read the command line and run."""
    told = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    told.add_argument("part", nargs="*", choices=[*PARTS, []], help="; ".join(PARTS))
    told.add_argument("--quick", action="store_true", help="a little of each")
    words = told.parse_args()
    return 1 if asyncio.run(run(words.part or list(PARTS), quick=words.quick)) else 0


if __name__ == "__main__":
    sys.exit(main())
