"""The database in trouble while mail comes in: put off in time, and then as if nothing had been."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos import books
from tests.chaos.clients import Memory, clients
from tests.chaos.figures import Figure, at_least, exactly, least_time, merely, within
from tests.chaos.house import build
from tests.chaos.households import Households
from tests.chaos.next_server import next_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.chaos.house import House
    from tests.chaos.nursery import Nursery
    from tests.world.postgres import Cluster

if TYPE_CHECKING:
    Trouble = Callable[[House, Memory], Awaitable[None]]

FAULTS = Path(__file__).parents[1] / "faults" / "fsync.c"
CLIENTS = 8
AWAY_S = 2.0
"""The longest trouble."""
BETWEEN_S = (0.5, 4.0)
"""From one trouble to the next: a tenth of what is promised, so that a part is soon over."""
ANSWERED_WITHIN_S = 2.0
NOT_NOW = "451 4.3.0"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all sides know in the end."""

    told: Memory
    books: books.Books
    came: Mapping[str, int]
    unseen: set[str]
    """Acknowledged after they had been put off, and not there at that moment."""
    intact: bool


async def in_trouble(
    nursery: Nursery,
    folder: Path,
    trouble: Trouble,
    database: str | None = None,
) -> Outcome:
    """Eight clients bring mail while the trouble lasts; afterwards all that was taken is sent."""
    async with next_server() as further:
        house = build(folder, further.port, database)
        children = Households(nursery, house)
        await children.begin()
        async with clients(house.intake, CLIENTS) as told:
            unseen = _looked_for_afresh(house, told) if database is None else set[str]()
            await trouble(house, told)
        await children.drain()
        found = await books.read(house.database)
    whole = database is not None or intact(house.file)
    return Outcome(told, found, dict(further.came), unseen, whole)


def _looked_for_afresh(house: House, told: Memory) -> set[str]:
    """Those that a fresh connection does not see, the moment that their 250 was read.

    Only those that were put off before: of the others the end tells enough.
    """
    unseen: set[str] = set()

    def look(name: str) -> None:
        if name not in told.again:
            return
        with closing(sqlite3.connect(house.file)) as fresh:
            query = "SELECT count(*) FROM messages WHERE message_id = ?"
            if fresh.execute(query, (name,)).fetchone() != (1,):
                unseen.add(name)

    told.on_taken = look
    return unseen


def intact(file: Path) -> bool:
    """Whether SQLite finds its file in order."""
    with closing(sqlite3.connect(file)) as conn:
        return conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def locking(seconds: float) -> Trouble:
    """Another process locks the SQLite file for up to two seconds, again and again."""

    def lock(house: House) -> None:
        with closing(sqlite3.connect(house.file, isolation_level=None, timeout=5)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(random.uniform(0, AWAY_S))
            other.execute("ROLLBACK")

    return _again_and_again(lock, seconds)


def restarting(cluster: Cluster, seconds: float) -> Trouble:
    """PostgreSQL ends and comes back up to two seconds later, again and again."""
    return _again_and_again(lambda _house: cluster.restart(random.uniform(0, AWAY_S)), seconds)


def freezing(cluster: Cluster, seconds: float) -> Trouble:
    """PostgreSQL is silent for up to two seconds, again and again, as if the network were."""

    def freeze(_house: House) -> None:
        family = cluster.server.family() if cluster.server else []
        for process in family:
            process.suspend()
        time.sleep(random.uniform(0, AWAY_S))
        for process in family:
            process.resume()

    return _again_and_again(freeze, seconds)


def failing_fsync(switch: Path, seconds: float) -> Trouble:
    """The disk fails every fsync for up to a second, again and again (`tests/faults/fsync.c`)."""

    def fail(_house: House) -> None:
        _set(switch, "fail")
        time.sleep(random.uniform(0.1, 1))
        _clear(switch)

    return _again_and_again(fail, seconds)


def slow_fsync(switch: Path, slower_s: float, seconds: float) -> Trouble:
    """Every fsync takes so much longer, all the time."""

    async def trouble(_house: House, told: Memory) -> None:
        _set(switch, f"{slower_s * 1e6:.0f}")
        await asyncio.sleep(2 * slower_s)  # what began before is over
        told.quickest_taken_s = float("inf")
        await asyncio.sleep(seconds)
        _clear(switch)

    return trouble


def _set(switch: Path, word: str) -> None:
    """At once: whoever reads it sees all or nothing."""
    new = switch.with_suffix(".new")
    new.write_text(word)
    new.replace(switch)


def _clear(switch: Path) -> None:
    switch.unlink()


def _again_and_again(once: Callable[[House], None], seconds: float) -> Trouble:
    def work(house: House) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            once(house)
            left = max(0, ends - time.monotonic())
            time.sleep(min(left, random.uniform(*BETWEEN_S)))

    async def trouble(house: House, _told: Memory) -> None:
        await asyncio.to_thread(work, house)

    return trouble


def fsync_faults(folder: Path) -> tuple[dict[str, str], Path]:
    """The environment in which every fsync obeys a switch, and the switch."""
    library = folder / "fsync.so"
    argv = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(FAULTS), "-ldl"]
    subprocess.run(argv, check=True)
    switch = folder / "fsync.fault"
    return {"LD_PRELOAD": str(library), "FSYNC_FAULT": str(switch)}, switch


def never_sooner(outcome: Outcome, slower_s: float) -> Figure:
    """A 250 waits for its commit's fsync: nobody hears it sooner."""
    n = f"{len(outcome.told.acknowledged):,} mails, fsync {slower_s:g} s slower"
    return least_time("quickest 250", n, outcome.told.quickest_taken_s, slower_s)


def figures_of_fsync(outcome: Outcome, what: str) -> list[Figure]:
    """The same, and what is promised of a failed fsync alone."""
    told = outcome.told
    again = told.again & told.acknowledged
    n = f"{len(again):,} brought again ({what})"
    return [
        at_least("put off by a failed fsync", n, told.put_off[NOT_NOW]),
        exactly("acknowledged then, and not there for a fresh connection", n, len(outcome.unseen)),
        *figures(outcome, what),
    ]


def figures(outcome: Outcome, what: str) -> list[Figure]:
    """Promises 6 and 7."""
    told, found = outcome.told, outcome.books
    n = f"{len(told.acknowledged):,} mails ({what})"
    put_off, others = told.put_off.total(), told.put_off.total() - told.put_off[NOT_NOW]
    return [
        exactly("lost: acknowledged and not stored", n, len(told.acknowledged - set(found.copies))),
        exactly("stored twice", n, len(found.doubled())),
        exactly("arrived twice at the next server", n, len(books.twice(outcome.came))),
        exactly("sent and not arrived", n, len(found.lost(outcome.came))),
        exactly("in doubt", n, len(found.doubtful())),
        merely("put off", n, put_off),
        exactly("put off by other replies than 451 4.3.0", n, others),
        within("slowest reply", n, told.slowest_s, ANSWERED_WITHIN_S),
        Figure(
            "the database's own check",
            what,
            "ok" if outcome.intact else "damaged",
            "ok",
            outcome.intact,
        ),
    ]
