"""One world's work: its trace, each rule on it, and ours on schedules of its own.

Worlds are independent, so that they may be shared out among processes.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tests.bench.worlds.ours import Ours
from tests.bench.worlds.running import competitors, run, trace
from tests.bench.worlds.scenarios import SCENARIOS
from tests.bench.worlds.schedules import Rounds, sent_per_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.bench.worlds.score import Result

Work = TypeVar("Work")
Fruit = TypeVar("Fruit")

OURS = "Bayes filter, open at {:.2f}"


@dataclass(frozen=True)
class Task:
    """A world by scenario and number, the thresholds of ours to try, and whether peers run too."""

    scenario: str
    number: int
    open_at: tuple[float, ...]
    peers: bool = True
    every_s: float = 600.0


@dataclass(frozen=True)
class Done:
    """Each rule's result; `per_day` is probes per seed and day, all routes together."""

    results: dict[str, Result]
    per_day: float
    lines: int


def perform(task: Task) -> Done:
    """Let every rule read the same trace."""
    world = SCENARIOS[task.scenario](task.number)
    sends = Rounds(task.every_s).sends(world)
    lines = trace(world, sends)
    rules = competitors() if task.peers else {}
    results = {name: run(world, lines, make()) for name, make in rules.items()}
    for open_at in task.open_at:
        results[OURS.format(open_at)] = run(world, lines, Ours(open_at))
    return Done(results, sent_per_day(sends, world), len(lines))


def share(work: Callable[[Work], Fruit], tasks: Iterable[Work], jobs: int) -> Iterator[Fruit]:
    """The work on each task, in order; within this process when there is one job."""
    if jobs == 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, tasks)
