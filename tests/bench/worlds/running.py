"""A world's trace, and rules reading it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tests.bench.worlds.competitors import COMPETITORS
from tests.bench.worlds.lane import PerLane
from tests.bench.worlds.score import judge
from tests.bench.worlds.trouble import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from daemon.rulings.observations import Observation
    from tests.bench.worlds.alarms import Rule
    from tests.bench.worlds.lane import LaneRule
    from tests.bench.worlds.schedules import Send
    from tests.bench.worlds.score import Result, Said
    from tests.bench.worlds.world import World

Trace = list[tuple[float, "Observation"]]
"""Each line with its true time: the daemon's clock, which wrote `at`, may be wrong."""


def trace(world: World, sends: Iterable[Send]) -> Trace:
    """What the sends lead to, in the order in which it becomes known."""
    last = world.days * DAY
    awake = ((sent, channel) for sent, channel in sends if running(world, sent))
    lines = [line for sent, channel in awake for line in world.outcome(sent, channel)]
    return sorted((line for line in lines if line[0] < last), key=_order)


def running(world: World, at: float) -> bool:
    """Whether the daemon runs."""
    return not world.down or not any(start <= at < end for start, end in world.down)


def _order(line: tuple[float, Observation]) -> tuple[float, str]:
    return line[0], line[1].probe


def run(world: World, lines: Trace, rule: Rule) -> Result:
    """Let a rule read the trace, restarted whenever the daemon was down; judge what it said."""
    said: Said = []
    restarts = deque(sorted(end for _, end in world.down))
    for at, line in lines:
        if restarts and at >= restarts[0]:
            restarts.popleft()
            rule.restart()
        said += [(at, alarm) for alarm in rule.observe(line)]
    return judge(world, said)


def competitors() -> Mapping[str, Callable[[], Rule]]:
    """A new rule of each kind for each world."""
    return {name: _per_lane(make) for name, make in COMPETITORS.items()}


def _per_lane(make: Callable[[], LaneRule]) -> Callable[[], Rule]:
    return lambda: PerLane(make)
